-- The full contract (docs/ledger.md): owners and actors, refusals that stay, holds, reversals, chains,
-- freezing and closing, and a time that never goes back within an account.
--
-- Tasks of the version before go on working during a rolling deployment: they call
-- ledger.post_transactions (0005) and send ledger.outbox; what only newer tasks can send is in
-- ledger.outbox_v2, which they do not read.

ALTER TABLE ledger.accounts
    ADD COLUMN owner          text,          -- the client that opened it; null: before owners existed
    ADD COLUMN opened_by      text,          -- the user of that client
    ADD COLUMN held_minor     bigint NOT NULL DEFAULT 0,   -- reserved by pending holds
    ADD COLUMN state          text   NOT NULL DEFAULT 'open',
    ADD COLUMN last_posted_at timestamptz,
    ADD CONSTRAINT account_state CHECK (state IN ('open', 'frozen', 'closed')),
    ADD CONSTRAINT held_not_negative CHECK (held_minor >= 0),
    ADD CONSTRAINT no_overheld CHECK (may_go_negative OR balance_minor >= held_minor),
    ADD CONSTRAINT closed_is_empty CHECK (state <> 'closed' OR (balance_minor = 0 AND held_minor = 0));

DROP TRIGGER identity_stays ON ledger.accounts;
CREATE TRIGGER identity_stays
    BEFORE UPDATE OF account_id, currency, may_go_negative, created_at, owner, opened_by
        OR DELETE OR TRUNCATE
    ON ledger.accounts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Refusals are rows too, so that one key guards an id whatever became of it. A refused row holds what
-- the client sent; a posted one also what followed from its target (accounts, amount, currency).
ALTER TABLE ledger.transactions
    ALTER COLUMN debit_account DROP NOT NULL,
    ALTER COLUMN credit_account DROP NOT NULL,
    ALTER COLUMN amount_minor DROP NOT NULL,
    ALTER COLUMN currency DROP NOT NULL,
    ALTER COLUMN debit_version DROP NOT NULL,
    ALTER COLUMN credit_version DROP NOT NULL,
    ADD COLUMN kind               text NOT NULL DEFAULT 'transfer',
    ADD COLUMN state              text NOT NULL DEFAULT 'posted',
    ADD COLUMN reason             text,      -- why it was refused
    ADD COLUMN target_id          uuid,      -- of a capture, void or expiry: the hold; of a reversal: what it reverses
    ADD COLUMN chain_id           uuid,      -- the first transaction of its chain
    ADD COLUMN chain_place        integer,   -- from 0
    ADD COLUMN linked             boolean NOT NULL DEFAULT false,   -- it is not the last of its chain
    ADD COLUMN expires_in_seconds integer,
    ADD COLUMN reference          text,
    ADD COLUMN metadata           jsonb,
    ADD COLUMN client_id          text,      -- who sent it; null: before actors were recorded
    ADD COLUMN user_id            text,
    ADD COLUMN path               text,
    -- Not validated: rows from before meet all of this, and the check would read them all.
    ADD CONSTRAINT transaction_kind
        CHECK (kind IN ('transfer', 'hold', 'capture', 'void', 'reversal', 'expiry')) NOT VALID,
    ADD CONSTRAINT transaction_state
        CHECK (state = 'posted' AND reason IS NULL OR state = 'refused' AND reason IS NOT NULL) NOT VALID,
    ADD CONSTRAINT transaction_path CHECK (path IN ('api', 'queue', 'ledger')) NOT VALID,
    ADD CONSTRAINT posted_is_complete
        CHECK (state = 'refused' OR num_nulls(debit_account, credit_account, amount_minor, currency) = 0)
        NOT VALID,
    ADD CONSTRAINT moved_has_versions
        CHECK ((state = 'posted' AND kind IN ('transfer', 'capture', 'reversal'))
               = (debit_version IS NOT NULL) AND num_nulls(debit_version, credit_version) <> 1) NOT VALID,
    ADD CONSTRAINT reference_length CHECK (length(reference) BETWEEN 1 AND 200) NOT VALID;

-- Partial indexes: a plain transfer pays for none of them.
CREATE INDEX transactions_by_reference ON ledger.transactions (reference, posted_at, transaction_id)
    WHERE reference IS NOT NULL;
CREATE INDEX transactions_by_target ON ledger.transactions (target_id) WHERE target_id IS NOT NULL;
CREATE UNIQUE INDEX reversed_once ON ledger.transactions (target_id)
    WHERE kind = 'reversal' AND state = 'posted';
CREATE INDEX refusals_by_account ON ledger.transactions (debit_account, posted_at, transaction_id)
    WHERE state = 'refused';
CREATE INDEX accounts_by_owner ON ledger.accounts (owner, account_id) WHERE owner IS NOT NULL;

-- What pending holds reserve. The transaction of the same id is the hold as it was posted; this row is
-- its state, which changes once. Only under the lock of its debit account.
CREATE TABLE ledger.holds (
    hold_id        uuid        PRIMARY KEY,
    debit_account  bigint      NOT NULL,
    credit_account bigint      NOT NULL,
    amount_minor   bigint      NOT NULL,
    currency       text        NOT NULL,
    expires_at     timestamptz NOT NULL,
    state          text        NOT NULL DEFAULT 'pending',
    closed_by      uuid,                      -- the capture, void or expiry
    CONSTRAINT hold_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT hold_state CHECK (state IN ('pending', 'captured', 'voided', 'expired')),
    CONSTRAINT hold_closed_by CHECK ((state = 'pending') = (closed_by IS NULL))
);
CREATE INDEX pending_holds_by_expiry ON ledger.holds (expires_at) WHERE state = 'pending';
CREATE INDEX pending_holds_by_debit_account ON ledger.holds (debit_account, hold_id)
    WHERE state = 'pending';
CREATE INDEX pending_holds_by_credit_account ON ledger.holds (credit_account, hold_id)
    WHERE state = 'pending';
CREATE TRIGGER hold_stays
    BEFORE UPDATE OF hold_id, debit_account, credit_account, amount_minor, currency, expires_at
        OR DELETE OR TRUNCATE
    ON ledger.holds
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Who froze, opened again or closed an account, and when.
CREATE TABLE ledger.account_changes (
    change_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint      NOT NULL,
    state      text        NOT NULL,
    client_id  text        NOT NULL,
    user_id    text        NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.account_changes
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- The batches of this version and later ones. The ids continue far above those of ledger.outbox.
CREATE TABLE ledger.outbox_v2 (
    outbox_id       bigint      GENERATED ALWAYS AS IDENTITY (START WITH 1000000000000) PRIMARY KEY,
    batch_id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    transaction_ids uuid[]      NOT NULL,
    bytes_max       integer     NOT NULL,   -- its message is not larger
    created_at      timestamptz NOT NULL    -- equals posted_at of its transactions
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE TRIGGER sent_as_written BEFORE UPDATE OR TRUNCATE ON ledger.outbox_v2
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
