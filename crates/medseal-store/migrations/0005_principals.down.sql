DROP TABLE policies;
DROP TABLE budget_usage;
DROP TABLE break_glass;
DROP TABLE access_tokens;
DROP TABLE role_grants;
DROP TABLE principals;
