-- Who wrote a version or a listener, as JSON: what they do, they do in the name of their author.
-- NULL in rows of earlier releases.

ALTER TABLE task_version ADD COLUMN author TEXT;
ALTER TABLE listener ADD COLUMN author TEXT;
