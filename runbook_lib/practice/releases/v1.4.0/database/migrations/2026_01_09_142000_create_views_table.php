<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('views', function (Blueprint $table) {
            $table->id();
            $table->unsignedBigInteger('visitor')->index();
            $table->string('sku', 32)->index();
        });

        // Something to begin with: each visitor looked at one product more than the one before.
        $skus = DB::table('prices')->orderBy('id')->pluck('sku')->all();
        foreach ($skus as $visitor => $last) {
            foreach (array_slice($skus, 0, $visitor + 1) as $sku) {
                DB::table('views')->insert(['visitor' => $visitor + 1, 'sku' => $sku]);
            }
        }
    }

    public function down(): void
    {
        Schema::dropIfExists('views');
    }
};
