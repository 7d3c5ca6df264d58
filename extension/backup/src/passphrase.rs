//! Passphrases that Lull suggests.

/// What can't be mistaken for something else when it is read or typed: Crockford's base 32.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters of a group, and groups: 20 characters of 5 bits are 100 bits, which nobody tries out.
const GROUP_CHARS: usize = 5;
const GROUPS: usize = 4;
/// Random bytes that it takes, one a character: 256 is a multiple of 32, so each is as likely.
pub(crate) const RANDOM_BYTES: usize = GROUP_CHARS * GROUPS;

/// A passphrase of these random bytes.
pub(crate) fn of(random: &[u8; RANDOM_BYTES]) -> String {
    let char_of = |byte: &u8| char::from(ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0'));
    let groups: Vec<String> = random.chunks(GROUP_CHARS).map(|group| group.iter().map(char_of).collect()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_that_counts_changes_it() {
        let mut random = [0; RANDOM_BYTES];
        assert_eq!(of(&random), "00000-00000-00000-00000");
        random[0] = 31;
        random[RANDOM_BYTES - 1] = 33;
        assert_eq!(of(&random), "z0000-00000-00000-00001");
    }
}
