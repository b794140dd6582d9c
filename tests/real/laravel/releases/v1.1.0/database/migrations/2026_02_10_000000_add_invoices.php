<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up()
    {
        Schema::create('invoices', function (Blueprint $table) {
            $table->id();
            $table->string('order_number')->unique();
            $table->timestamps();
        });
        Schema::table('products', function (Blueprint $table) {
            $table->string('subtitle')->nullable();
        });
    }

    public function down()
    {
        Schema::table('products', function (Blueprint $table) {
            $table->dropColumn('subtitle');
        });
        Schema::dropIfExists('invoices');
    }
};
