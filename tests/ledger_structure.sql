-- One value that changes with everything in the schema `ledger` but its rows.
SELECT md5(string_agg(part, E'\n' ORDER BY part)) FROM (
    SELECT pg_get_functiondef(oid) || coalesce(proacl::text, '') || proowner::regrole
    FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace
    UNION ALL
    SELECT format('%s %s %s', relname, relkind, relacl)
    FROM pg_class WHERE relnamespace = 'ledger'::regnamespace
    UNION ALL
    SELECT format('%s.%s %s %s %s %s %s', relname, attname, format_type(atttypid, atttypmod),
        attnotnull, attidentity, attacl, pg_get_expr(adbin, adrelid))
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'ledger'::regnamespace AND attnum > 0
    UNION ALL
    SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace
    UNION ALL
    SELECT pg_get_triggerdef(pg_trigger.oid) || tgenabled::text
    FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = 'ledger'::regnamespace AND NOT tgisinternal
) AS parts (part)
