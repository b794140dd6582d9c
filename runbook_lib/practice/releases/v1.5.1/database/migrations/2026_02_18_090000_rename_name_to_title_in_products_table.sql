-- up
ALTER TABLE products RENAME COLUMN name TO title;
-- down
ALTER TABLE products RENAME COLUMN title TO name;
