-- A database of strange but possible things: what is read, asked of the planner and printed must bear all of it.
CREATE ROLE "h-App""x@" LOGIN;
CREATE ROLE plain@ LOGIN NOINHERIT;
CREATE ROLE group@; GRANT group@ TO plain@; CREATE ROLE "π😀;--@" LOGIN;
CREATE SCHEMA "S c'h""ema.1";
GRANT USAGE ON SCHEMA "S c'h""ema.1" TO PUBLIC;
SET search_path = "S c'h""ema.1";
-- names
CREATE TABLE "t;DROP TABLE x;--" ("i d" bigserial PRIMARY KEY, "we""ird" text, "NULL" int, "user" text);
ALTER TABLE "t;DROP TABLE x;--" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "p'\ ""q" ON "t;DROP TABLE x;--" TO "h-App""x@" USING ("user" = current_user AND "NULL" IS NOT NULL);
CREATE POLICY "new;
line" ON "t;DROP TABLE x;--" TO "π😀;--@" USING ("we""ird" = "we""ird" OR "NULL" = 1);
GRANT ALL ON "t;DROP TABLE x;--" TO "h-App""x@", "π😀;--@";
GRANT ALL ON ALL SEQUENCES IN SCHEMA "S c'h""ema.1" TO "π😀;--@";
-- 1600 columns
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg('c' || i || ' int NOT NULL', ',') FROM generate_series(1,1600) i) || ')'; END $$;
ALTER TABLE wide ENABLE ROW LEVEL SECURITY;
CREATE POLICY w ON wide TO plain@ USING (c1600 = c1600);
GRANT SELECT ON wide TO plain@;
-- policies that raise
CREATE FUNCTION boom() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'boom %', chr(10); END $$;
CREATE TABLE raising (id int);
ALTER TABLE raising ENABLE ROW LEVEL SECURITY;
CREATE POLICY r ON raising TO plain@ USING (boom());
GRANT SELECT ON raising TO plain@;
CREATE TABLE divide (id int);
ALTER TABLE divide ENABLE ROW LEVEL SECURITY;
CREATE POLICY r ON divide TO plain@ USING (1/0 = 1);
GRANT SELECT ON divide TO plain@;
-- recursion: policies and views
CREATE TABLE ra (id int);
CREATE TABLE rb (id int);
ALTER TABLE ra ENABLE ROW LEVEL SECURITY;
ALTER TABLE rb ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON ra, rb TO plain@;
CREATE POLICY x ON ra TO plain@ USING (EXISTS (SELECT FROM "S c'h""ema.1".rb));
CREATE POLICY x ON rb TO plain@ USING (EXISTS (SELECT FROM "S c'h""ema.1".ra));
CREATE VIEW rv1 AS SELECT 1 AS id;
CREATE VIEW rv2 AS SELECT * FROM rv1;
CREATE OR REPLACE VIEW rv1 AS SELECT * FROM rv2;
GRANT SELECT ON rv1 TO plain@;
CREATE RECURSIVE VIEW rec (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM rec WHERE n < 5;
GRANT SELECT ON rec TO plain@;
-- self reference
CREATE TABLE tree (id int PRIMARY KEY, parent int);
ALTER TABLE tree ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON tree TO plain@;
CREATE POLICY s ON tree TO plain@ USING (parent IN (SELECT t.id FROM "S c'h""ema.1".tree t));
-- a policy on a partition only, empty partitioned, subpartitions
CREATE TABLE part (k int, v text) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1) PARTITION BY RANGE (v);
CREATE TABLE part_1a PARTITION OF part_1 FOR VALUES FROM ('a') TO ('m');
ALTER TABLE part_1a ENABLE ROW LEVEL SECURITY;
CREATE POLICY part_only ON part_1a TO plain@ USING (v = current_user);
GRANT SELECT ON part, part_1a TO plain@;
CREATE TABLE empty_part (k int) PARTITION BY LIST (k);
ALTER TABLE empty_part ENABLE ROW LEVEL SECURITY;
CREATE POLICY e ON empty_part TO plain@ USING (k = k);
GRANT SELECT ON empty_part TO plain@;
-- views
CREATE VIEW bar WITH (security_barrier) AS SELECT * FROM tree WHERE parent = 1;
CREATE VIEW inv WITH (security_invoker) AS SELECT * FROM tree;
CREATE VIEW over_inv AS SELECT * FROM inv;
GRANT SELECT ON bar, inv, over_inv TO plain@;
-- policies for a group that is not inherited
CREATE TABLE grp (id int);
ALTER TABLE grp ENABLE ROW LEVEL SECURITY;
CREATE POLICY g ON grp TO group@ USING (id = id);
GRANT SELECT ON grp TO plain@, group@;
-- a column named like the table, whole row, tableoid, system columns
CREATE TABLE self (self text, id int);
ALTER TABLE self ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON self TO plain@;
CREATE POLICY a ON self TO plain@ USING (self.self = 'x' AND self.* IS NOT NULL AND tableoid = 'self'::regclass AND ctid IS NOT NULL);
-- join, exists, long text
CREATE TABLE long (id int);
ALTER TABLE long ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON long TO plain@;
DO $$ BEGIN EXECUTE 'CREATE POLICY l ON long TO plain@ USING (id = 0 OR ' || (SELECT string_agg('id = ' || i, ' OR ') FROM generate_series(1,3000) i) || ')'; END $$;
DO $$ BEGIN EXECUTE 'CREATE POLICY deep ON long TO plain@ USING (' || repeat('(id > 0 AND (id < 5 OR ', 300) || 'true' || repeat('))', 300) || ')'; END $$;
CREATE FUNCTION "f;(" ("A b" int, VARIADIC text[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN PERFORM set_config(''app.we ird'', ''x'', false); END';
-- generated column, domain with failing check, collations
CREATE DOMAIN odd AS int CHECK (VALUE % 2 = 1);
CREATE TABLE doms (d odd, g int GENERATED ALWAYS AS (1) STORED);
ALTER TABLE doms ENABLE ROW LEVEL SECURITY;
CREATE POLICY d ON doms TO plain@ USING (d = 2::odd);
GRANT SELECT, INSERT ON doms TO plain@;
-- foreign table, sequence owned elsewhere
CREATE FOREIGN DATA WRAPPER hw;
CREATE SERVER "s v" FOREIGN DATA WRAPPER hw;
CREATE FOREIGN TABLE ft (id int) SERVER "s v";
GRANT SELECT ON ft TO plain@; CREATE USER MAPPING FOR PUBLIC SERVER "s v";
CREATE TABLE inh (id int);
CREATE TABLE inh_child () INHERITS (inh);
ALTER TABLE inh ENABLE ROW LEVEL SECURITY;
CREATE POLICY i ON inh TO plain@ USING (id = id);
GRANT SELECT ON inh, inh_child TO plain@;
