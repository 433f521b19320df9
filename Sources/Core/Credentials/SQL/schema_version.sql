SELECT version FROM dbauth.schema_version
