-- up
CREATE TABLE prices (id integer primary key autoincrement not null, sku varchar not null, cents integer not null);
CREATE UNIQUE INDEX prices_sku_unique ON prices (sku);
INSERT INTO prices (sku, cents) VALUES
    ('MUG-01', 1250), ('MUG-02', 1150), ('TEE-01', 2400), ('BAG-01', 1900), ('PIN-01', 350);
-- down
DROP TABLE IF EXISTS prices;
