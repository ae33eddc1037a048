CREATE TABLE visits (id serial PRIMARY KEY, at timestamptz DEFAULT now(), page text NOT NULL);
INSERT INTO visits (page) SELECT 'page ' || n FROM generate_series(1, 1000) AS n;
CREATE INDEX ON visits (page);
