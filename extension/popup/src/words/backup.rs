//! Why a backup couldn't be made or opened.

use lull_view::{BackupTrouble, PASSPHRASE_CHARS_MAX, PASSPHRASE_CHARS_MIN};

use crate::format;
use crate::text;

/// In a sentence.
pub(crate) fn trouble(why: &BackupTrouble) -> String {
    match why {
        BackupTrouble::Length => text::backup_trouble_length(
            &format::count(PASSPHRASE_CHARS_MIN as u64),
            &format::count(PASSPHRASE_CHARS_MAX as u64),
        ),
        BackupTrouble::TooLarge => text::backup_trouble_large().to_owned(),
        BackupTrouble::NotAge => text::backup_trouble_not_age().to_owned(),
        BackupTrouble::Damaged => text::backup_trouble_damaged().to_owned(),
        BackupTrouble::Passphrase => text::backup_trouble_passphrase().to_owned(),
        BackupTrouble::Work { asked, most } => {
            text::backup_trouble_work(&format::count((*asked).into()), &format::count((*most).into()))
        }
        BackupTrouble::NotBackup => text::backup_trouble_not_backup().to_owned(),
        BackupTrouble::Newer => text::backup_trouble_newer().to_owned(),
        BackupTrouble::OtherCoordinator { address } => text::backup_trouble_coordinator(address),
        BackupTrouble::Browser { why } => text::backup_trouble_browser(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_words_of_its_own() {
        let all = [
            BackupTrouble::Length,
            BackupTrouble::TooLarge,
            BackupTrouble::NotAge,
            BackupTrouble::Damaged,
            BackupTrouble::Passphrase,
            BackupTrouble::Work { asked: 30, most: 20 },
            BackupTrouble::NotBackup,
            BackupTrouble::Newer,
            BackupTrouble::OtherCoordinator { address: "wss://other.example".to_owned() },
            BackupTrouble::Browser { why: "full".to_owned() },
        ];
        let words: std::collections::BTreeSet<String> = all.iter().map(trouble).collect();
        assert_eq!(words.len(), all.len());
    }
}
