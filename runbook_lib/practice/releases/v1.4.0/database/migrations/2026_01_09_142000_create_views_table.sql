-- up
CREATE TABLE views (id integer primary key autoincrement not null, visitor integer not null, sku varchar not null);
CREATE INDEX views_visitor_index ON views (visitor);
CREATE INDEX views_sku_index ON views (sku);
INSERT INTO views (visitor, sku)
    SELECT visitors.id, prices.sku FROM prices AS visitors JOIN prices ON prices.id <= visitors.id
    ORDER BY visitors.id, prices.id;
-- down
DROP TABLE IF EXISTS views;
