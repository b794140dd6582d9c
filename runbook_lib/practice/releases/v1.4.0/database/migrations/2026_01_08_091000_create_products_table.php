<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('products', function (Blueprint $table) {
            $table->id();
            $table->string('sku', 32)->unique();
            $table->string('name');
        });

        DB::table('products')->insert([
            ['sku' => 'MUG-01', 'name' => 'Mug, blue'],
            ['sku' => 'MUG-02', 'name' => 'Mug, white'],
            ['sku' => 'TEE-01', 'name' => 'T-shirt'],
            ['sku' => 'BAG-01', 'name' => 'Bag'],
            ['sku' => 'PIN-01', 'name' => 'Pin'],
        ]);
    }

    public function down(): void
    {
        Schema::dropIfExists('products');
    }
};
