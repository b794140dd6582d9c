<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('prices', function (Blueprint $table) {
            $table->id();
            $table->string('sku', 32)->unique();
            $table->unsignedInteger('cents');
        });

        DB::table('prices')->insert([
            ['sku' => 'MUG-01', 'cents' => 1250],
            ['sku' => 'MUG-02', 'cents' => 1150],
            ['sku' => 'TEE-01', 'cents' => 2400],
            ['sku' => 'BAG-01', 'cents' => 1900],
            ['sku' => 'PIN-01', 'cents' => 350],
        ]);
    }

    public function down(): void
    {
        Schema::dropIfExists('prices');
    }
};
