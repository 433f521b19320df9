SELECT version FROM dbpii.schema_version
