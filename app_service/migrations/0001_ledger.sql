-- The books: accounts, transactions and their two entries each, and the outbox of what was posted.
--
-- Double entry, per currency, in integer minor units (cents). A debit lowers a balance, a credit
-- raises it. Only ledger.post_transactions (0002) writes money; the grants (0003) see to it.

-- The migrator keeps its own table in this schema, and so has made it before the first migration.
CREATE SCHEMA IF NOT EXISTS ledger;

-- Ids are account numbers that clients choose; they fit a JSON number exactly.
-- fillfactor: room for HOT updates. Much lower is slower (constant pruning).
CREATE TABLE ledger.accounts (
    account_id      bigint      PRIMARY KEY,
    currency        text        NOT NULL,
    may_go_negative boolean     NOT NULL DEFAULT false,
    balance_minor   bigint      NOT NULL DEFAULT 0,
    version         bigint      NOT NULL DEFAULT 0,   -- number of entries posted
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT account_number CHECK (account_id BETWEEN 1 AND 9007199254740991),
    CONSTRAINT currency_code CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT no_overdraft CHECK (may_go_negative OR balance_minor >= 0)
) WITH (fillfactor = 90);

-- The key is the idempotency key. The versions point at the two entries, which therefore need no
-- second index. No foreign keys: they cost 75 % CPU on this path, and only the function writes here.
CREATE TABLE ledger.transactions (
    transaction_id uuid        PRIMARY KEY,
    debit_account  bigint      NOT NULL,
    credit_account bigint      NOT NULL,
    amount_minor   bigint      NOT NULL,
    currency       text        NOT NULL,
    debit_version  bigint      NOT NULL,
    credit_version bigint      NOT NULL,
    posted_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT amount_positive CHECK (amount_minor > 0)
);

-- Gapless per account; a lost update would violate this key.
CREATE TABLE ledger.entries (
    account_id          bigint NOT NULL,
    account_version     bigint NOT NULL,
    transaction_id      uuid   NOT NULL,
    amount_minor        bigint NOT NULL,              -- negative for a debit
    balance_after_minor bigint NOT NULL,
    PRIMARY KEY (account_id, account_version)
);

-- One row per posting call that posted something: the unit of commit, of event and of audit.
-- Rows live for milliseconds; vacuum early, or reading the oldest wades through the dead.
CREATE TABLE ledger.outbox (
    outbox_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    transaction_ids uuid[]      NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now()  -- equals posted_at of its transactions
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What is written stays as it was written, whoever asks. Triggers per statement cost nothing on INSERT.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Of an account only the balance and its version move, and it never goes.
CREATE TRIGGER identity_stays
    BEFORE UPDATE OF account_id, currency, may_go_negative, created_at OR DELETE OR TRUNCATE
    ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- An outbox row is sent as it was written and then deleted. The relay locks rows, which PostgreSQL
-- only allows to a role that may update; this is what keeps that right from being used.
CREATE TRIGGER sent_as_written BEFORE UPDATE OR TRUNCATE ON ledger.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
