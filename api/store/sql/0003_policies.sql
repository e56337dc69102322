-- What this side forbids on top of the owner's policy, as JSON.
ALTER TABLE connections ADD COLUMN policy text;
