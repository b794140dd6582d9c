-- up
CREATE TABLE orders (
    id integer primary key autoincrement not null,
    sku varchar not null,
    quantity integer not null,
    total integer not null,
    created_at datetime
);
-- down
DROP TABLE IF EXISTS orders;
