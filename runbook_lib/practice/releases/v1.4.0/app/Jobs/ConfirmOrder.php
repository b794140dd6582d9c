<?php

namespace App\Jobs;

use Illuminate\Contracts\Queue\ShouldQueue;
use Illuminate\Foundation\Queue\Queueable;

/** Confirms an order to whoever placed it; the shop's worker does it in jobs.py. */
class ConfirmOrder implements ShouldQueue
{
    use Queueable;

    public function __construct(public int $order)
    {
    }
}
