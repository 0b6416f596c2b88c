DROP TABLE subject_holds;
DROP TABLE subject_tombstones;
DROP TABLE subjects;
