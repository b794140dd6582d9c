-- up
CREATE TABLE products (id integer primary key autoincrement not null, sku varchar not null, name varchar not null);
CREATE UNIQUE INDEX products_sku_unique ON products (sku);
INSERT INTO products (sku, name) VALUES
    ('MUG-01', 'Mug, blue'), ('MUG-02', 'Mug, white'), ('TEE-01', 'T-shirt'), ('BAG-01', 'Bag'), ('PIN-01', 'Pin');
-- down
DROP TABLE IF EXISTS products;
