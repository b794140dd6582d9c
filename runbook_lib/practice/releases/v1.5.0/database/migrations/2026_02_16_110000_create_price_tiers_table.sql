-- up
CREATE TABLE price_tiers (
    id integer primary key autoincrement not null,
    sku varchar not null,
    from_quantity integer not null,
    cents integer not null
);
CREATE UNIQUE INDEX price_tiers_sku_from_quantity_unique ON price_tiers (sku, from_quantity);
INSERT INTO price_tiers (sku, from_quantity, cents) SELECT sku, 1, cents FROM prices;
INSERT INTO price_tiers (sku, from_quantity, cents) SELECT sku, 10, cents * 90 / 100 FROM prices;
INSERT INTO price_tiers (sku, from_quantity, cents) SELECT sku, 50, cents * 80 / 100 FROM prices;
-- down
DROP TABLE IF EXISTS price_tiers;
