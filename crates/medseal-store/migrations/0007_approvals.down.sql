DROP TABLE approvals;
DROP TABLE approval_requests;
DROP TABLE approver_keys;
