-- up
ALTER TABLE orders ADD COLUMN discount integer;
-- down
ALTER TABLE orders DROP COLUMN discount;
