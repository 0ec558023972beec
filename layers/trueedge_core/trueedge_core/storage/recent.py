"""Keys that were just looked up, so that a bot's every request does not cost a look-up: a KeyStore around another."""

from ..domain.ports import Clock, Key, KeyStore

FOUND_US = 3_000_000  # how long a key that was revoked elsewhere may still be taken
NONE_YET_US = 1_000_000  # how long an instance may stay open after its first key was made elsewhere
TOUCH_US = 60_000_000
REMEMBERED = 1024


class RecentKeys:
    """Remembers keys that were found, briefly; one that was not found is looked up each time, so a new key works."""

    def __init__(self, keys: KeyStore, clock: Clock) -> None:
        self._keys, self._clock = keys, clock
        self._found: dict[str, tuple[Key, int]] = {}
        self._touched: dict[str, int] = {}
        self._has_any = False
        self._looked: int | None = None

    def add(self, key: Key) -> None:
        """See `KeyStore.add`."""
        self._keys.add(key)
        self._has_any = True

    def add_first(self, key: Key) -> bool:
        """See `KeyStore.add_first`."""
        was_first = self._keys.add_first(key)
        self._has_any = True
        return was_first

    def find(self, digest: str) -> Key | None:
        """See `KeyStore.find`; a key may be as old as FOUND_US."""
        now = self._clock()
        held = self._found.get(digest)
        if held is not None and 0 <= now - held[1] < FOUND_US:  # not below 0: a clock that was set back ends it too
            return held[0]
        key = self._keys.find(digest)
        if key is None:
            self._found.pop(digest, None)
        else:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[digest] = key, now
        return key

    def has_any(self) -> bool:
        """See `KeyStore.has_any`; a False may be as old as NONE_YET_US."""
        if not self._has_any:
            now = self._clock()
            if self._looked is None or not 0 <= now - self._looked < NONE_YET_US:
                self._has_any, self._looked = self._keys.has_any(), now
        return self._has_any

    def all(self) -> list[Key]:
        """See `KeyStore.all`."""
        return self._keys.all()

    def revoke(self, key_id: str, at: int) -> Key:
        """See `KeyStore.revoke`; this process forgets the key at once."""
        key = self._keys.revoke(key_id, at)
        self._found.pop(key.digest, None)
        return key

    def touch(self, digest: str, at: int) -> None:
        """See `KeyStore.touch`; once in TOUCH_US for each key, however often it is used."""
        last = self._touched.get(digest)
        if last is not None and 0 <= at - last < TOUCH_US:
            return
        if len(self._touched) >= REMEMBERED:
            self._touched.clear()
        self._touched[digest] = at
        self._keys.touch(digest, at)

    def close(self) -> None:
        """See `KeyStore.close`."""
        self._keys.close()
