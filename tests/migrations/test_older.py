"""New names that already mean something to older code."""

# ruff: noqa: E501
from __future__ import annotations

import time
from collections.abc import Collection

import pytest

from runbook_lib.migrations import Assessment, MigrationFile, Verdict, assess
from tests.migrations.php import migration, table


def model(name: str, body: str, head: str = "extends Model") -> str:
    return f"<?php\nnamespace App\\Models;\n\nclass {name} {head}\n{{\n    {body}\n}}\n"


def older(up: str | MigrationFile, files: dict[str, str], *earlier: MigrationFile) -> Assessment:
    """The assessment of up() for older code of these files, which are searched as Git would."""

    def sources(words: Collection[str]) -> dict[str, str]:
        return {path: text for path, text in files.items() if any(word in text for word in words)}

    file = migration(up) if isinstance(up, str) else up
    return assess([file], database="mysql", sources=sources, earlier=earlier)


def added(table_: str, column: str) -> str:
    return table(f"$table->string('{column}')->nullable();", table_)


PIVOT = {"app/Models/User.php": model("User", "public function roles() { return $this->belongsToMany(Role::class); }")}
# table, column, the older code, what is said of it.
CLASHES: dict[str, tuple[str, str, dict[str, str], str]] = {
    "a relation": ("products", "category", {"app/Models/Product.php": model("Product", "public function category() { return $this->belongsTo(Category::class); }")}, "app/Models/Product.php:6"),
    "a relation of a model that names its table": ("shop_products", "category", {"src/Thing.php": model("Thing", "protected $table = 'shop_products';\n    function category() {}")}, "src/Thing.php:7"),
    "a relation in a trait": ("products", "tags", {"app/Models/Concerns/HasTags.php": "<?php\ntrait HasTags\n{\n    public function tags() { return $this->hasMany(Tag::class); }\n}\n"}, "HasTags.php:4"),
    "a relation in a parent": ("products", "owner", {"app/Models/Base.php": "<?php\nabstract class Base extends Model\n{\n    public function owner() {}\n}\n"}, "Base.php:4"),
    "an accessor": ("customers", "full_name", {"app/Models/Customer.php": model("Customer", "public function getFullNameAttribute() {}")}, "Customer.php:6"),
    "an accessor of today": ("customers", "full_name", {"app/Models/Customer.php": model("Customer", "protected function fullName(): Attribute {}")}, "Customer.php:6"),
    "a mutator": ("customers", "secret", {"app/Customer.php": model("Customer", "public function setSecretAttribute($value) {}")}, "Customer.php:6"),
    "a join of the query builder": ("orders", "email", {"app/Http/C.php": "<?php\nclass C { function i() {\n  return DB::table('orders')->join('customers', 'customers.id', '=', 'orders.customer_id')\n    ->pluck('email'); } }"}, "app/Http/C.php:4"),
    "a join of a model": ("orders", "email", {"app/Http/C.php": "<?php\nclass C { function i() {\n  return Order::leftJoin('customers', 'customers.id', 'customer_id')\n    ->orderBy('email'); } }"}, "app/Http/C.php:4"),
    "a join in SQL": ("orders", "email", {"app/r.php": "<?php\nDB::select('select sum(total), email from orders inner join customers on customers.id = customer_id group by email');"}, "app/r.php:2"),
    "a join of another method of the class": ("orders", "email", {"app/R.php": "<?php\nclass R {\n  function base() { return Order::join('customers', 'a', 'b'); }\n\n  function all() { return $this->base()->where('email', 1); }\n}"}, "app/R.php:5"),
    "a join in a route": ("orders", "email", {"routes/web.php": "<?php\n\nRoute::get('/a', fn () => Order::join('customers', 'a', 'b')\n    ->select('email'));\n"}, "routes/web.php:4"),
    "a join whose row is read by name": ("customers", "total", {"app/r.php": "<?php\nforeach (Order::join('customers', 'a', 'b')->get() as $row) {\n  echo $row->total;\n}"}, "app/r.php:3"),
    "a join in a scope": ("orders", "email", {"app/Models/Order.php": model("Order", "function scopeNamed($q) { return $q->join('customers', 'a', 'b'); }"), "app/C.php": "<?php\nOrder::named()->where('email', 1)->get();"}, "app/C.php:2"),
    "a pivot": ("role_user", "name", PIVOT | {"app/C.php": "<?php\n$user->roles()->where('name', 'admin')->exists();"}, "app/C.php:2"),
    "a pivot with a name": ("grants", "name", {"app/Models/User.php": model("User", "function roles() { return $this->belongsToMany(Role::class, 'grants')->orderBy('name'); }")}, "User.php:6"),
    "a column of the pivot": ("roles", "position", {"app/Models/User.php": model("User", "function roles() { return $this->belongsToMany(Role::class)->withPivot('position')->orderBy('position'); }")}, "User.php:6"),
    "a table between": ("posts", "rank", {"app/Models/Country.php": model("Country", "function comments() { return $this->hasManyThrough(Comment::class, Post::class); }"), "app/C.php": "<?php\n$country->comments()->orderByDesc('rank')->get();"}, "app/C.php:2"),
    "an alias": ("orders", "day", {"app/R.php": "<?php\nOrder::selectRaw('DATE(created_at) as day, sum(total)')->groupBy('day')->get();"}, "app/R.php:2"),
    "a column that is counted": ("customers", "orders_count", {"app/R.php": "<?php\nCustomer::withCount('orders')->get();"}, "app/R.php:2"),
    "a sub-select": ("users", "last_login", {"app/R.php": "<?php\nUser::addSelect(['last_login' => Login::select('at')])->get();"}, "app/R.php:2"),
    "an INSERT without columns": ("visits", "a", {"app/R.php": "<?php\nDB::insert('insert into visits values (?, ?)', [1, 2]);"}, "app/R.php:2"),
    "an INSERT of a SELECT": ("visits", "a", {"app/R.php": "<?php\nDB::statement('INSERT INTO old_visits SELECT * FROM visits');"}, "app/R.php:2"),
    "a row that is archived": ("orders", "a", {"app/R.php": "<?php\n$old = Order::find(1);\nArchivedOrder::create($old->toArray());"}, "app/R.php:3"),
    "a row of the query builder that is archived": ("orders", "a", {"app/R.php": "<?php\nDB::table('orders')->get()->each(fn ($order) => DB::table('archive')->insert((array) $order));"}, "app/R.php:2"),
    "rows that are archived together": ("orders", "a", {"app/R.php": "<?php\nArchivedOrder::insert(Order::where('a', 1)->get()->toArray());"}, "app/R.php:2"),
    "a row that is archived by way of a variable": ("orders", "a", {"app/R.php": "<?php\n$data = $order->toArray();\nunset($data['id']);\nArchivedOrder::create($data);"}, "app/R.php:2"),
    "raw attributes of another model": ("orders", "a", {"app/R.php": "<?php\n(new Archived)->setRawAttributes($order->getAttributes())->save();"}, "app/R.php:2"),
    "a row that is kept elsewhere": ("orders", "a", {"app/R.php": "<?php\nDB::connection('b')->table('x')->updateOrInsert(['id' => 1], $order->toArray());"}, "app/R.php:2"),
    "objects that become rows": ("orders", "a", {"app/R.php": "<?php\nDB::table('b')->insert(DB::table('orders')->get()->map(fn ($o) => (array) $o)->all());"}, "app/R.php:2"),
    "rows that become arrays by JSON": ("orders", "a", {"app/R.php": "<?php\n$rows = json_decode(json_encode(DB::table('orders')->get()), true);\nDB::table('b')->insert($rows);"}, "app/R.php:2"),
    "lines of a file": ("orders", "a", {"app/R.php": "<?php\nfputcsv($file, ['id', 'number']);\nforeach (Order::all() as $order) { fputcsv($file, $order->toArray()); }"}, "app/R.php:3"),
    "a view of all columns": ("orders", "a", {"app/R.php": "<?php\nDB::statement('CREATE OR REPLACE VIEW v AS SELECT orders.*, 1 AS one FROM orders');"}, "app/R.php:2"),
    "a model that archives itself": ("orders", "a", {"app/Models/Order.php": model("Order", "function archive() { DB::table('archive')->insert($this->getAttributes()); }")}, "Order.php:6"),
    "a NATURAL JOIN": ("orders", "a", {"app/R.php": "<?php\nDB::select('SELECT * FROM orders NATURAL JOIN customers');"}, "app/R.php:2"),
    "a UNION": ("visits", "a", {"app/R.php": "<?php\nDB::table('visits')->union(DB::table('views'))->get();"}, "app/R.php:2"),
    "a pivot's rows, the latest first": ("role_user", "created_at", PIVOT | {"app/C.php": "<?php\n$user->roles()->latest()->get();"}, "app/C.php:2"),
    "a join, the oldest first": ("orders", "created_at", {"app/C.php": "<?php\nOrder::join('customers', 'a', 'b')->oldest()->first();"}, "app/C.php:2"),
    "rows that are joined whole": ("customers", "state", {"app/C.php": "<?php\nclass C { function i() { return view('a', ['rows' => Order::join('customers', 'a', 'b')->get()]); } }", "resources/views/a.blade.php": "@foreach ($rows as $row)\n{{ $row->state }}\n@endforeach"}, "a.blade.php:2"),
    "a scope of what it is joined to": ("customers", "active", {"app/Models/Order.php": model("Order", "function scopeActive($q) { return $q->where('active', 1); }"), "app/C.php": "<?php\nclass C { function i() { return Order::active()->join('customers', 'a', 'b')->select('orders.*')->get(); } }"}, "Order.php:6"),
    "a scope of any model": ("customers", "active", {"app/Scopes/Live.php": "<?php\nclass Live implements Scope { function apply($q, $m) { $q->where('active', 1); } }", "app/C.php": "<?php\nclass C { function i() { return Order::join('customers', 'a', 'b')->select('orders.*')->get(); } }"}, "Live.php:2"),
    "the outer column in a relation's query": ("users", "total", {"app/C.php": "<?php\nOrder::whereHas('user', function ($q) { $q->where('total', '>', 5); })->get();"}, "app/C.php:2"),
    "the outer column in a query within": ("users", "total", {"app/C.php": "<?php\nOrder::whereExists(fn ($q) => $q->from('users')->whereColumn('users.id', 'user_id')->where('total', 5))->get();"}, "app/C.php:2"),
    "the outer column in SQL": ("users", "total", {"app/C.php": "<?php\nDB::select('select * from orders where exists (select 1 from users where users.id = user_id and total > 5)');"}, "app/C.php:2"),
    "an alias without AS": ("users", "age", {"app/C.php": "<?php\nUser::selectRaw('users.*, timestampdiff(year, born, now()) age')->get();"}, "app/C.php:2"),
    "a question for the attribute": ("users", "plan", {"app/C.php": "<?php\nif (array_key_exists('plan', $user->getAttributes())) { bill(); }"}, "app/C.php:2"),
    "all columns as MySQL lists them": ("users", "plan", {"app/C.php": "<?php\n$all = DB::select('SHOW COLUMNS FROM users');"}, "app/C.php:2"),
    "all columns": ("orders", "score", {"app/C.php": "<?php\nforeach (Schema::getColumnListing('orders') as $name) { $query->orWhere($name, 'like', '%a%'); }"}, "app/C.php:2"),
    "columns as parameters": ("orders", "score", {"app/C.php": "<?php\nreturn new OrderData(...$order->toArray());"}, "app/C.php:2"),
    "columns beside a list of names": ("orders", "score", {"app/C.php": "<?php\nreturn array_combine(self::HEAD, array_values($order->toArray()));"}, "app/C.php:2"),
    "columns by their places": ("orders", "score", {"app/C.php": "<?php\nDB::getPdo()->query('select * from orders')->fetch(PDO::FETCH_NUM);"}, "app/C.php:2"),
    "a COPY without columns": ("orders", "score", {"app/C.php": "<?php\nDB::statement(\"COPY orders FROM '/tmp/a.csv' CSV\");"}, "app/C.php:2"),
    "LOAD DATA": ("orders", "score", {"app/C.php": "<?php\nDB::statement(\"LOAD DATA LOCAL INFILE 'a' INTO TABLE orders\");"}, "app/C.php:2"),
    "all columns, grouped": ("orders", "score", {"app/C.php": "<?php\nOrder::select('orders.*', DB::raw('count(*)'))->groupBy('orders.number', 'orders.total')->get();"}, "app/C.php:2"),
    "what a request gives to a model that guards some": ("users", "avatar", {"app/Models/User.php": model("User", "protected $guarded = ['id'];"), "app/C.php": "<?php\n$request->validate(['avatar' => 'image']);\nUser::create($request->all());"}, "app/C.php:3"),
    "a question for the column": ("orders", "guest", {"app/R.php": "<?php\nif (Schema::hasColumn('orders', 'guest')) { refund(); }"}, "app/R.php:2"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASHES)
def test_a_new_column_asks_and_shows_the_place(name: str) -> None:
    owner, column, files, place = CLASHES[name]
    found = older(added(owner, column), files)
    (operation,) = found.migrations[0].operations
    assert (str(found.verdict), str(operation.verdict)) == ("unknown", "unknown")
    assert place in operation.why
    assert str(operation.references[0]).endswith(place)


# What has the same name, and is none of its business.
QUIET: dict[str, tuple[str, str, dict[str, str]]] = {
    "a relation of another model": ("products", "category", {"app/Models/Order.php": model("Order", "function category() {}")}),
    "a relation of a model of another table": ("products", "category", {"app/Models/Page.php": model("Page", "protected $table = 'pages';\n function category() {}")}),
    "a method of a controller": ("products", "category", {"app/Http/Controllers/ProductController.php": "<?php\nclass ProductController extends Controller { function category() {} }"}),
    "a join with the table named": ("orders", "email", {"app/C.php": "<?php\nclass C { function i() { return Order::join('customers', 'a', 'b')->pluck('customers.email'); } }"}),
    "a join of other tables": ("orders", "email", {"app/C.php": "<?php\nclass C { function i() { return User::join('teams', 'a', 'b')->orderBy('email'); } }"}),
    "another route": ("customers", "token", {"routes/web.php": "<?php\n\nRoute::get('/a', fn () => User::where('token', 1));\n\nRoute::get('/b', fn () => Order::join('customers', 'a', 'b'));\n"}),
    "a query without a join": ("orders", "email", {"app/C.php": "<?php\nUser::where('email', 1)->orderBy('email')->get();"}),
    "a pivot of others": ("teams", "name", PIVOT | {"app/C.php": "<?php\n$user->roles()->where('name', 'admin');"}),
    "an INSERT with columns": ("visits", "a", {"app/R.php": "<?php\nDB::insert('insert into visits (page) values (?)', [1]);"}),
    "a pivot's rows, by a name with its table": ("role_user", "created_at", PIVOT | {"app/C.php": "<?php\n$user->roles()->latest('roles.created_at')->get();"}),
    "rows of a join of which some columns are chosen": ("customers", "state", {"app/C.php": "<?php\nclass C { function i() { return view('a', ['rows' => Order::join('customers', 'a', 'b')->select('orders.*')->get()]); } }", "resources/views/a.blade.php": "{{ $row->state }}"}),
    "a table's columns in an interface": ("orders", "score", {"app/OrdersTable.php": "<?php\nclass OrdersTable { protected function getColumns() { return []; } }"}),
    "columns in an answer": ("orders", "score", {"app/C.php": "<?php\nreturn [...$order->toArray(), 'url' => $url];"}),
    "a comment": ("orders", "score", {"app/C.php": "<?php\n// copy orders from the shop, load data of old.*\nOrder::all();"}),
    "what is validated": ("orders", "score", {"app/C.php": "<?php\nValidator::make($order->toArray(), ['number' => 'required'])->validate();"}),
    "one value of a row": ("orders", "score", {"app/C.php": "<?php\nLog::create(['number' => $order->getOriginal('number')]);\n$a = $order->getOriginal('number');\nLog::create(['number' => $a]);"}),
    "a scope of what is not joined to it": ("customers", "active", {"app/Models/Order.php": model("Order", "function scopeActive($q) { return $q->where('active', 1); }"), "app/C.php": "<?php\nclass C { function i() { return Page::join('customers', 'a', 'b')->select('pages.*')->get(); } }"}),
    "the outer column beside a relation": ("users", "total", {"app/C.php": "<?php\nOrder::whereHas('user', fn ($q) => $q->where('users.name', 'a'))->where('total', 5)->get();"}),
    "another relation's query": ("users", "total", {"app/C.php": "<?php\nUser::whereHas('orders', fn ($q) => $q->where('total', 5))->get();"}),
    "values made arrays": ("orders", "score", {"app/C.php": "<?php\nOrder::create(['lines' => (array) $lines]);"}),
    "values of a row that was read": ("orders", "score", {"app/C.php": "<?php\n$data = $order->toArray();\nLog::create(['number' => $data['number']]);\nreturn response()->json($data);"}),
    "what is described": ("users", "plan", {"app/C.php": "<?php\n// describe users and show columns\nUser::all();"}),
    "all columns, grouped by an id": ("orders", "score", {"app/C.php": "<?php\nOrder::select('orders.*')->groupBy('orders.id', 'orders.total')->get();"}),
    "what a request gives to a model that guards all": ("users", "avatar", {"app/Models/User.php": model("User", "protected $guarded = ['*'];"), "app/C.php": "<?php\n$request->validate(['avatar' => 'image']);\nUser::create($request->all());"}),
    "nothing": ("orders", "email", {}),
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_a_new_column_stays_safe(name: str) -> None:
    owner, column, files = QUIET[name]
    found = older(added(owner, column), files)
    assert (found.verdict, found.unseen) == (Verdict.SAFE, ())


def test_a_column_of_a_new_table_is_nobodys() -> None:
    files = {"app/Models/Product.php": model("Product", "function category() {}")}
    assert older(table("$table->string('category');", "products", "create"), files).verdict is Verdict.SAFE


def test_a_required_column_asks_too() -> None:
    files = {"app/Models/Product.php": model("Product", "function category() {}")}
    assert older(table("$table->string('category');", "products"), files).verdict is Verdict.UNKNOWN


def test_a_new_column_that_is_renamed_is_looked_for_under_both_names() -> None:
    up = added("products", "kind") + table("$table->renameColumn('kind', 'category');", "products")
    files = {"app/Models/Product.php": model("Product", "function category() {}")}
    assert older(up, files).verdict is Verdict.UNKNOWN


def test_a_new_table_that_older_code_asks_for_is_asked_about() -> None:
    files = {"app/A.php": "<?php\nif (Schema::hasTable('carts')) { empty_them(); }"}
    found = older("Schema::create('carts', function ($table) { $table->id(); });", files)
    assert (str(found.verdict), "app/A.php:2" in found.migrations[0].operations[0].why) == ("unknown", True)


def test_a_new_table_is_not_whatever_has_its_name() -> None:
    said = "<?php\nPermission::create('carts');\n$menu->create('carts', 'Carts');"
    assert (
        str(older("Schema::create('carts', function ($table) { $table->id(); });", {"app/A.php": said}).verdict)
        == "safe"
    )


@pytest.mark.parametrize(
    "said",
    ["Schema::create('carts', fn ($t) => $t->id());", "DB::statement('create table if not exists carts (id int)');"],
)
def test_a_new_table_that_older_code_makes_itself_is_asked_about(said: str) -> None:
    found = older("Schema::create('carts', function ($table) { $table->id(); });", {"app/A.php": f"<?php\n{said}"})
    assert str(found.verdict) == "unknown"


UNIQUE = table("$table->uuid('token')->nullable()->unique();", "orders")


def test_rows_that_older_code_copies_have_what_must_be_unique() -> None:
    copies = {"app/C.php": "<?php\n$copy = $order->replicate(['number']);\n$copy->save();"}
    found = older(UNIQUE, copies)
    assert (str(found.verdict), "app/C.php:2" in found.migrations[0].operations[1].why) == ("unknown", True)
    assert str(older(UNIQUE, {"app/C.php": "<?php\n$page->replicate()->save();"}).verdict) == "safe"
    assert str(older(added("orders", "token"), copies).verdict) == "safe"


# Routines and triggers of earlier migrations: what of the database is older code, too.
ROUTINES = {
    "rows by their places": "CREATE TRIGGER a AFTER UPDATE ON orders FOR EACH ROW INSERT INTO old SELECT * FROM orders",
    "the whole row": "CREATE OR REPLACE FUNCTION f() RETURNS trigger AS $$ BEGIN INSERT INTO orders_old SELECT now(), NEW.*; END $$",
    "a parameter of that name": "CREATE FUNCTION f(score int) RETURNS int AS $$ SELECT sum(score) FROM orders $$ LANGUAGE sql",
}


@pytest.mark.parametrize("routine", ROUTINES)
def test_a_routine_of_the_database_asks(routine: str) -> None:
    earlier = migration(f"DB::unprepared(<<<'SQL'\n{ROUTINES[routine]}\nSQL);")
    assert str(older(added("orders", "score"), {}, earlier).verdict) == "unknown"
    assert str(older(added("users", "score"), {}, earlier).verdict) == "safe"


def test_a_statement_that_an_earlier_migration_ran_once_does_not_ask() -> None:
    earlier = migration("DB::statement('INSERT INTO archive SELECT * FROM orders');")
    assert str(older(added("orders", "score"), {}, earlier).verdict) == "safe"


def test_a_table_that_is_named_with_its_schema_has_the_same_model() -> None:
    files = {"app/Models/Product.php": model("Product", "function category() {}")}
    assert str(older(added("public.products", "category"), files).verdict) == "unknown"


def test_a_table_that_is_known_only_when_it_runs_may_be_that_of_any_model() -> None:
    up = (
        "foreach (config('a.b') as $name) { "
        + table("$table->string('category')->nullable();").replace("'users'", "$name")
        + " }"
    )
    files = {"app/Models/Product.php": model("Product", "function category() {}")}
    assert str(older(up, files).verdict) == "unknown"
    assert str(older(up, {}).verdict) == "safe"


def test_without_the_older_code_the_answer_says_what_was_not_looked_at() -> None:
    found = assess([migration(added("orders", "email"))], database="mysql")
    assert found.verdict is Verdict.SAFE
    assert "was not given" in found.way
    assert found.facts["unseen"] == list(found.unseen)


def test_without_new_names_there_is_nothing_to_look_at() -> None:
    assert assess([migration(table("$table->dropColumn('a');"))]).unseen == ()


def test_a_name_that_is_known_only_when_it_runs_cannot_be_looked_for() -> None:
    found = older(table("$table->string(config('a.b'))->nullable();"), {})
    assert (str(found.verdict), "config('a.b')" in found.unseen[0]) == ("unknown", True)


@pytest.mark.slow
def test_many_columns_and_files_take_seconds_at_most() -> None:
    text = (
        "<?php\nclass A {"
        + " function a() { return Order::join('x', 'y', 'z')->where('name', 1)->get(); }\n" * 80
        + "}"
    )
    files = {f"app/A{i}.php": text.replace("class A", f"class A{i}") for i in range(300)}
    up = "\n".join(added("orders", f"column_{i}") for i in range(100))
    start = time.process_time()
    assert older(up, files).verdict is Verdict.SAFE
    assert time.process_time() - start < 5


def test_a_large_file_of_data_is_read_in_good_time() -> None:
    line = "    'k%d' => [Order::class, make('x'), insert('orders', implode('a', [])), hasColumn('y')],\n"
    files = {"config/data.php": "<?php\nreturn [\n" + "".join(line % number for number in range(5000)) + "]\n"}
    start = time.process_time()
    older(added("orders", "status"), files)
    assert time.process_time() - start < 15


LINES = migration(
    "Schema::create('lines', function (Blueprint $table) { $table->foreignId('order_id')->constrained(); });"
)
UNKEYED = table("$table->dropForeign(['order_id']);", "lines")
CATCHING = "<?php\ntry { $%s->delete(); }\ncatch (\\Illuminate\\Database\\QueryException $e) { return 'in use'; }"


def test_a_key_that_older_code_leaves_refusing_to_asks_when_it_is_dropped() -> None:
    found = older(UNKEYED, {"app/C.php": CATCHING % "order"}, LINES)
    assert (str(found.verdict), "app/C.php:3" in found.migrations[0].operations[0].why) == ("unknown", True)
    assert str(older(UNKEYED, {"app/C.php": CATCHING % "page"}, LINES).verdict) == "safe"
    assert str(older(UNKEYED, {"app/C.php": "<?php\n$order->delete();"}, LINES).verdict) == "safe"


RENAMED = table("$table->renameIndex('orders_number_index', 'by_number');", "orders")


def test_an_index_that_older_code_names_asks_when_it_is_renamed() -> None:
    hint = {"app/R.php": "<?php\nDB::table('orders')->forceIndex('orders_number_index')->get();"}
    found = older(RENAMED, hint)
    assert str(found.verdict) == "unknown"
    assert "app/R.php:2" in found.migrations[0].operations[0].why
    assert str(older(RENAMED, {"app/R.php": "<?php\nDB::table('orders')->get();"}).verdict) == "safe"


KEYED = (
    "Schema::create('pages', function (Blueprint $table) { $table->foreignId('visit_id')->constrained('visits')"
    "->cascadeOnDelete(); });"
)


@pytest.mark.parametrize(
    "said", ["Visit::truncate();", "DB::table('visits')->truncate();", "DB::statement('TRUNCATE visits');"]
)
def test_a_table_that_older_code_truncates_asks_when_a_key_refers_to_it(said: str) -> None:
    assert str(older(KEYED, {"app/Nightly.php": f"<?php\n{said}"}).verdict) == "unknown"


def test_a_table_that_older_code_does_not_truncate_may_be_referred_to() -> None:
    assert str(older(KEYED, {"app/Nightly.php": "<?php\nDB::table('views')->truncate();"}).verdict) == "safe"


@pytest.mark.parametrize(("said", "verdict"), [("Schema::defaultStringLength(100);", "loss"), ("", "safe")])
def test_the_usual_length_of_a_string_is_as_older_code_sets_it(said: str, verdict: str) -> None:
    before = migration("Schema::create('users', function (Blueprint $table) { $table->string('a', 191); });")
    found = older(table("$table->string('a')->change();"), {"app/AppServiceProvider.php": f"<?php\n{said}"}, before)
    assert str(found.verdict) == verdict


def test_what_a_request_says_is_no_row() -> None:
    said = "<?php\nOrder::create($request->toArray());\nOrder::create(['number' => $order->toArray()['number']]);"
    assert str(older(added("orders", "a"), {"app/R.php": said}).verdict) == "safe"
