DROP TABLE pseudonyms;
