-- up
CREATE TABLE confirmations (id integer primary key autoincrement not null, order_id integer not null, created_at datetime);
CREATE UNIQUE INDEX confirmations_order_id_unique ON confirmations (order_id);
-- down
DROP TABLE IF EXISTS confirmations;
