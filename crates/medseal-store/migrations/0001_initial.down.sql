DROP TABLE key_usage;
DROP TABLE field_definitions;
DROP TABLE key_secrets;
DROP TABLE key_versions;
DROP TABLE keys;
DROP TABLE root;
DROP TABLE store_state;
