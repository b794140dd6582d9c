<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('price_tiers', function (Blueprint $table) {
            $table->id();
            $table->string('sku', 32);
            $table->unsignedInteger('from_quantity');
            $table->unsignedInteger('cents');
            $table->unique(['sku', 'from_quantity']);
        });

        // From how many pieces on a piece costs how many per cent of its price.
        foreach ([1 => 100, 10 => 90, 50 => 80] as $from => $percent) {
            DB::table('price_tiers')->insertUsing(
                ['sku', 'from_quantity', 'cents'],
                DB::table('prices')->selectRaw('sku, ?, cents * ? / 100', [$from, $percent])
            );
        }
    }

    public function down(): void
    {
        Schema::dropIfExists('price_tiers');
    }
};
