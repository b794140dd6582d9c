<?php

declare(strict_types=1);

use App\Jobs\PlaceOrder;
use App\Models\Category;
use App\Models\Comment;
use App\Models\Customer;
use App\Models\Label;
use App\Models\Order;
use App\Models\Product;
use App\Models\Review;
use App\Models\User;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Route;

Route::get('/up', fn () => 'ok');
Route::get('/ready', fn () => DB::select('select 1 as ready'));
Route::get('/version', fn () => config('app.release'));

// Products ------------------------------------------------------------------------------------------------------------

Route::get('/products', fn () => Product::with('category')->orderBy('id')->get()->map(fn ($product) => [
    'id' => $product->id,
    'label' => Label::of($product->name, $product->status),
    'category' => $product->category ? $product->category->name : null,
    'colour' => $product->details['colour'] ?? null,
    'weight' => (float) $product->weight,
]));
Route::post('/products', fn (Request $request) => Product::create($request->all() + [
    'details' => ['colour' => 'blue'],
    'weight' => 1.25,
]));
Route::put('/products/{id}', fn (Request $request, $id) => tap(Product::findOrFail($id))->update($request->all()));
Route::delete('/products/{id}', fn ($id) => ['deleted' => Product::findOrFail($id)->delete()]);
Route::post('/products/{id}/restore', fn ($id) => ['restored' => Product::withTrashed()->findOrFail($id)->restore()]);
Route::get('/search', fn (Request $request) => Product::where('name', 'like', $request->query('q') . '%')
    ->orderBy('name')->pluck('sku'));
Route::get('/weights', fn () => Product::orderBy('id')->pluck('weight')->map(fn ($weight) => (string) $weight));
Route::get('/by-status', fn () => Product::orderBy('status')->pluck('sku'));
Route::get('/categories', fn () => Category::query()->distinct()->orderBy('name')->get()->pluck('name'));
Route::post('/categories', fn (Request $request) => Category::create($request->all()));
Route::post('/products/{id}/comments', fn (Request $request, $id) => Product::findOrFail($id)
    ->comments()->create($request->all()));
Route::get('/products/{id}/comments', fn ($id) => Product::findOrFail($id)->comments()->pluck('body'));
Route::post('/comments/{id}/copy', fn ($id) => ['copied' => Comment::whereKey($id)->get()
    ->every(fn ($comment) => $comment->replicate()->save())]);
Route::post('/reviews', fn (Request $request) => Review::create($request->all()));
Route::get('/reviews', fn () => Review::orderBy('id')->pluck('title'));

// Customers and users -------------------------------------------------------------------------------------------------

Route::get('/customers', fn () => Customer::withCount('orders')->orderBy('id')->get()->map(fn ($customer) => [
    'id' => $customer->id,
    'name' => mb_strtoupper($customer->name),
    'nickname' => $customer->nickname,
]));
Route::post('/customers', fn (Request $request) => Customer::create($request->all()));
Route::put('/customers/{id}', fn (Request $request, $id) => tap(Customer::findOrFail($id))->update($request->all()));
Route::post('/users', fn (Request $request) => User::create($request->all()));
Route::post('/users/{id}/remember', function ($id) {
    $user = User::findOrFail($id);
    $user->setRememberToken('remembered');
    $user->save();

    return ['remembered' => User::where('remember_token', 'remembered')->count()];
});

// Orders --------------------------------------------------------------------------------------------------------------

Route::get('/orders', fn () => Order::with('lines.product', 'customer')->orderBy('id')->get()->map(fn ($order) => [
    'id' => $order->id,
    'label' => Label::order($order->number, $order->state, $order->total),
    'lines' => $order->lines->count(),
    'coupon' => $order->coupon,
]));
Route::post('/orders', fn (Request $request) => DB::transaction(function () use ($request) {
    $order = Order::create($request->except('lines'));
    foreach ($request->input('lines', []) as $line) {
        $order->lines()->create($line);
    }

    return $order;
}));
Route::post('/orders/{id}/ship', function ($id) {
    Order::findOrFail($id)->update(['state' => 'shipped', 'placed_at' => now()]);

    return ['shipped' => Order::where('state', 'shipped')->count()];
});
Route::delete('/orders/{id}', function ($id) {
    Order::findOrFail($id)->delete();

    return ['lines' => DB::table('order_lines')->where('order_id', $id)->count()];
});
Route::get('/orders-of/{customer}', function ($customer) {
    $hint = ['mysql' => 'FORCE INDEX (orders_customer_id_index)', 'sqlite' => 'INDEXED BY orders_customer_id_index'];
    $from = 'orders ' . ($hint[DB::getDriverName()] ?? '');

    return DB::select("SELECT number FROM {$from} WHERE customer_id = ? ORDER BY id", [$customer]);
});
Route::get('/turnover', fn () => DB::table('orders')
    ->join('customers', 'customers.id', '=', 'orders.customer_id')
    ->select('email', DB::raw('sum(total) as turnover'))
    ->groupBy('email')->orderBy('email')->get());
Route::post('/orders/{number}/place', function ($number) {
    PlaceOrder::dispatch($number);

    return ['queued' => true];
});

// Counters and settings -----------------------------------------------------------------------------------------------

Route::put('/settings/{key}', function (Request $request, $key) {
    DB::table('settings')->upsert([['key' => $key, 'value' => $request->input('value')]], ['key'], ['value']);

    return DB::table('settings')->where('key', $key)->pluck('value');
});
Route::post('/visits/{page}', function ($page) {
    DB::table('visits')->insert(['page' => $page]);

    return ['visits' => (int) DB::table('visits')->where('page', $page)->sum('visits')];
});
// Every night.
Route::delete('/sessions', fn () => DB::table('sessions')->truncate());
