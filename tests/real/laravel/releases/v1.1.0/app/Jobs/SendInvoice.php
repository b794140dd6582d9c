<?php

namespace App\Jobs;

use Illuminate\Bus\Queueable;
use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Bus\Dispatchable;
use Illuminate\Queue\InteractsWithQueue;
use Illuminate\Support\Facades\DB;

class SendInvoice implements ShouldQueue
{
    use Dispatchable, InteractsWithQueue, Queueable;

    public $number;

    public function __construct(string $number)
    {
        $this->number = $number;
    }

    public function handle()
    {
        DB::table('invoices')->insert(['order_number' => $this->number, 'created_at' => now()]);
    }
}
