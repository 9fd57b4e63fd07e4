CREATE TABLE album_images (
    album_id INTEGER NOT NULL,
    image_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (album_id, image_id),
    FOREIGN KEY(album_id) REFERENCES albums (id) ON DELETE CASCADE,
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE albums (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    question TEXT,
    UNIQUE (name)
);

CREATE TABLE caption_embeddings (
    space_id INTEGER NOT NULL,
    "row" INTEGER NOT NULL,
    owner_id INTEGER,
    PRIMARY KEY (space_id, "row"),
    UNIQUE (owner_id, space_id),
    FOREIGN KEY(space_id) REFERENCES spaces (id),
    FOREIGN KEY(owner_id) REFERENCES captions (id) ON DELETE SET NULL
)
 WITHOUT ROWID;

CREATE TABLE captions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (image_id, source, text),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
);

CREATE TABLE checksums (
    space_id INTEGER NOT NULL,
    file TEXT NOT NULL,
    block INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (space_id, file, block),
    FOREIGN KEY(space_id) REFERENCES spaces (id)
)
 WITHOUT ROWID;

CREATE TABLE embeddings (
    space_id INTEGER NOT NULL,
    "row" INTEGER NOT NULL,
    owner_id INTEGER,
    PRIMARY KEY (space_id, "row"),
    UNIQUE (owner_id, space_id),
    FOREIGN KEY(space_id) REFERENCES spaces (id),
    FOREIGN KEY(owner_id) REFERENCES images (id) ON DELETE SET NULL
)
 WITHOUT ROWID;

CREATE TABLE excluded (
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (path)
);

CREATE TABLE failures (
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL,
    tried_with TEXT NOT NULL,
    failed_at DATETIME NOT NULL,
    ctime_ns INTEGER,
    PRIMARY KEY (path)
);

CREATE TABLE images (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    format TEXT NOT NULL,
    taken_at DATETIME,
    camera TEXT,
    latitude FLOAT,
    longitude FLOAT,
    ctime_ns INTEGER,
    taken_from TEXT,
    UNIQUE (path)
);

CREATE INDEX ix_album_images_image_id ON album_images (image_id);

CREATE INDEX ix_captions_place ON captions (text, image_id) WHERE source = 'place';

CREATE INDEX ix_images_content_hash ON images (content_hash);

CREATE INDEX ix_images_latitude ON images (latitude) WHERE latitude IS NOT NULL;

CREATE INDEX ix_labels_name ON labels (lower(name));

CREATE TABLE kept_out (
    path TEXT NOT NULL,
    PRIMARY KEY (path)
)
 WITHOUT ROWID;

CREATE TABLE label_examples (
    image_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    is_right INTEGER NOT NULL,
    PRIMARY KEY (image_id, set_id, name),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE,
    FOREIGN KEY(set_id) REFERENCES label_sets (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE label_sets (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    space_id INTEGER,
    rows INTEGER NOT NULL,
    UNIQUE (name),
    FOREIGN KEY(space_id) REFERENCES spaces (id) ON DELETE SET NULL
);

CREATE TABLE labels (
    image_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    probability FLOAT NOT NULL,
    PRIMARY KEY (image_id, set_id, name),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE,
    FOREIGN KEY(set_id) REFERENCES label_sets (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE passed_over (
    root TEXT NOT NULL,
    suffix TEXT NOT NULL,
    reason TEXT NOT NULL,
    files INTEGER NOT NULL,
    PRIMARY KEY (root, suffix, reason)
)
 WITHOUT ROWID;

CREATE TABLE readings (
    image_id INTEGER NOT NULL,
    reader TEXT NOT NULL,
    state TEXT NOT NULL,
    failure TEXT,
    PRIMARY KEY (image_id, reader),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
)
 WITHOUT ROWID;

CREATE TABLE settings (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);

CREATE TABLE spaces (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    encoder TEXT NOT NULL,
    dim INTEGER NOT NULL,
    precision TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    UNIQUE (name),
    UNIQUE (encoder)
);

CREATE VIRTUAL TABLE words USING fts5(caption, text, name, tokenize = 'unicode61');

CREATE TABLE 'words_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'words_content'(id INTEGER PRIMARY KEY, c0, c1, c2);

CREATE TABLE 'words_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'words_docsize'(id INTEGER PRIMARY KEY, sz BLOB);

CREATE TABLE 'words_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;
