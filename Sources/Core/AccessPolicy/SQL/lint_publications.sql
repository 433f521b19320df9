-- Tables with row security that a publication sends away.
SELECT p.pubname AS name, c.oid AS relation
FROM pg_catalog.pg_publication p, pg_catalog.pg_class c
WHERE c.relrowsecurity
  AND (p.puballtables
       OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid)
       OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s
                  WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace))
