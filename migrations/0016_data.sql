-- What a chain did has one writer: the projection. A caller's row with the same protocol id is a row of its own, and a caller's pool at a
-- contract that the projection follows, or a caller's transfer in the projection's pool, stands apart.

-- The name under which the projection knows it: `main` or `id-<token>`. NULL if the projection does not write it.
ALTER TABLE pool ADD COLUMN projected_as TEXT;
-- 1 if a caller created it at a contract whose transfers the projection writes to another pool: its asset does not sum it.
ALTER TABLE pool ADD COLUMN apart BIGINT NOT NULL DEFAULT 0;
ALTER TABLE nft ADD COLUMN projected_as TEXT;
-- 1 if a caller wrote it into a pool or NFT that the projection writes: it does not count in balances.
ALTER TABLE transfer ADD COLUMN apart BIGINT NOT NULL DEFAULT 0;

UPDATE pool SET projected_as = name
 WHERE height IS NOT NULL
    OR ((name = 'main' OR substr(name, 1, 3) = 'id-')
        AND EXISTS (SELECT 1 FROM transfer t WHERE t.namespace = pool.namespace AND t.parent_id = pool.id AND t.source IS NOT NULL));
UPDATE nft SET projected_as = name
 WHERE height IS NOT NULL
    OR EXISTS (SELECT 1 FROM transfer t WHERE t.namespace = nft.namespace AND t.parent_id = nft.id AND t.source IS NOT NULL);
UPDATE pool SET apart = 1
 WHERE projected_as IS NULL
   AND EXISTS (SELECT 1 FROM pool p WHERE p.namespace = pool.namespace AND p.chain = pool.chain AND p.address = pool.address
                                      AND p.projected_as IS NOT NULL);
CREATE UNIQUE INDEX pool_projected ON pool (namespace, chain, address, projected_as) WHERE projected_as IS NOT NULL;

-- At most one row of the chain and one of a caller.
DROP INDEX transfer_protocol;
CREATE UNIQUE INDEX transfer_protocol ON transfer (namespace, protocol_id, chain, (source IS NULL)) WHERE reverted = 0;

DROP VIEW transfer_change;
CREATE VIEW transfer_change AS
  SELECT namespace, chain, id AS transfer_id, 0 AS change_index, from_address AS address, -1 AS direction, amount,
         parent_type, parent_id, position, height
    FROM transfer
   WHERE reverted = 0 AND apart = 0 AND explicit = 0 AND amount IS NOT NULL AND from_address IS NOT NULL
     AND from_address NOT IN ('', '0x0000000000000000000000000000000000000000')
  UNION ALL
  SELECT namespace, chain, id, 1, to_address, 1, amount, parent_type, parent_id, position, height
    FROM transfer
   WHERE reverted = 0 AND apart = 0 AND explicit = 0 AND amount IS NOT NULL AND to_address IS NOT NULL
     AND to_address NOT IN ('', '0x0000000000000000000000000000000000000000')
  UNION ALL
  SELECT t.namespace, t.chain, t.id, c.change_index, c.address, c.direction, c.amount, t.parent_type, t.parent_id, t.position, t.height
    FROM balance_change c
    JOIN transfer t ON t.namespace = c.namespace AND t.chain = c.chain AND t.transaction_id = c.transaction_id
                   AND t.path = c.path AND t.block_hash = c.block_hash
   WHERE t.reverted = 0 AND t.apart = 0 AND t.explicit = 1;
