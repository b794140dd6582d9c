-- up
ALTER TABLE orders ADD COLUMN shipping integer;
-- down
ALTER TABLE orders DROP COLUMN shipping;
