-- The two large tables in 16 partitions each, by dataset or indicator. When it pays, and how it is run: docs/scale.md.
-- With everything stopped, after a backup, as the owner of the tables:
--     psql --set ON_ERROR_STOP=1 --file partitions.sql
-- It is done in one transaction: what fails leaves all as it was. The old tables stay, and the views go on reading them
-- until `mittaristo db upgrade` makes the views anew, with the rights on them; then drop vintage_whole and
-- observation_whole. Room is needed for both.
BEGIN;
DO $$
DECLARE
    whole text;
    key text;
BEGIN
    FOR whole, key IN VALUES
        ('vintage', 'owner_no, series_id, period_no, recorded_at'),
        ('observation', 'owner_no, series_id, period_no')
    LOOP
        EXECUTE format('ALTER TABLE %1$I RENAME TO %1$s_whole', whole);
        EXECUTE format('ALTER TABLE %1$s_whole RENAME CONSTRAINT pk_%1$s TO pk_%1$s_whole', whole);
        EXECUTE format(
            'CREATE TABLE %1$I (LIKE %1$s_whole INCLUDING ALL EXCLUDING INDEXES,'
            ' CONSTRAINT pk_%1$s PRIMARY KEY (%2$s)) PARTITION BY HASH (owner_no)', whole, key);
        FOR number IN 0..15 LOOP
            EXECUTE format('CREATE TABLE %1$s_%2$s PARTITION OF %1$I FOR VALUES WITH (MODULUS 16, REMAINDER %3$s)',
                whole, lpad(number::text, 2, '0'), number);
        END LOOP;
        EXECUTE format('INSERT INTO %1$I SELECT * FROM %1$s_whole', whole);
        EXECUTE format('ANALYZE %I', whole);
    END LOOP;
END
$$;
DELETE FROM marker WHERE name = 'views';
COMMIT;
