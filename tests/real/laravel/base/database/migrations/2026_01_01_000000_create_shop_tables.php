<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up()
    {
        Schema::create('users', function (Blueprint $table) {
            $table->id();
            $table->string('name');
            $table->string('email')->unique();
            $table->string('password');
            $table->rememberToken();
            $table->timestamps();
        });
        Schema::create('categories', function (Blueprint $table) {
            $table->id();
            $table->string('name');
            $table->timestamps();
        });
        Schema::create('products', function (Blueprint $table) {
            $table->id();
            $table->foreignId('category_id')->nullable()->constrained('categories');
            $table->string('sku', 40)->unique();
            $table->string('name', 60)->index();
            $table->text('description')->nullable();
            $table->integer('price')->default(0);
            $table->integer('stock')->default(0);
            $table->enum('status', ['draft', 'active', 'retired'])->default('draft');
            $table->decimal('weight', 8, 2)->nullable();
            $table->json('details')->nullable();
            $table->softDeletes();
            $table->timestamps();
        });
        Schema::create('customers', function (Blueprint $table) {
            $table->id();
            $table->string('name');
            $table->string('email');
            $table->string('nickname', 80)->nullable();
            $table->string('phone')->nullable();
            $table->timestamps();
        });
        Schema::create('orders', function (Blueprint $table) {
            $table->id();
            $table->unsignedBigInteger('customer_id')->default(0)->index();
            $table->string('number', 20);
            $table->string('state')->default('new');
            $table->integer('total')->default(0);
            $table->string('coupon')->nullable();
            $table->timestamp('placed_at')->nullable();
            $table->timestamps();
        });
        Schema::create('order_lines', function (Blueprint $table) {
            $table->id();
            $table->foreignId('order_id')->constrained('orders')->cascadeOnDelete();
            $table->foreignId('product_id')->constrained('products');
            $table->integer('quantity');
            $table->integer('price');
        });
        Schema::create('comments', function (Blueprint $table) {
            $table->id();
            $table->morphs('commentable');
            $table->string('body');
            $table->timestamps();
        });
        Schema::create('reviews', function (Blueprint $table) {
            $table->id();
            $table->string('title');
            $table->timestamps();
        });
        Schema::create('settings', function (Blueprint $table) {
            $table->string('key')->unique();
            $table->string('value');
        });
        Schema::create('visits', function (Blueprint $table) {
            $table->string('page', 100);
            $table->integer('visits')->default(1);
        });
        Schema::create('sessions', function (Blueprint $table) {
            $table->id();
            $table->string('page', 100);
        });
        Schema::create('legacy_imports', function (Blueprint $table) {
            $table->id();
            $table->string('file');
        });
    }

    public function down()
    {
        foreach (['legacy_imports', 'sessions', 'visits', 'settings', 'reviews', 'comments', 'order_lines', 'orders', 'customers',
            'products', 'categories', 'users'] as $table) {
            Schema::dropIfExists($table);
        }
    }
};
