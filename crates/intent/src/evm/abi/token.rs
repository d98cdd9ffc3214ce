//! ABI values and their layout: heads, then tails, in words of 32 bytes (Solidity ABI
//! specification).

/// A value, reduced to what its layout needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// 32 bytes, encoded in place.
    Word([u8; 32]),
    /// `bytes` and `string`.
    Bytes(Vec<u8>),
    /// `T[]`: a count, then items.
    List(Vec<Token>),
    /// `T[n]` and tuples: items without a count.
    Tuple(Vec<Token>),
}

/// Encodes consecutive values, as arguments are.
pub(crate) fn encode(tokens: &[Token]) -> Vec<u8> {
    let mut out = Vec::new();
    write_tuple(tokens, &mut out);
    out
}

fn write_tuple(tokens: &[Token], out: &mut Vec<u8>) {
    let heads: usize = tokens.iter().map(Token::head_bytes).sum();
    let mut tails = Vec::new();
    for token in tokens {
        if token.is_dynamic() {
            out.extend(length_word(heads + tails.len()));
            token.write(&mut tails);
        } else {
            token.write(out);
        }
    }
    out.append(&mut tails);
}

impl Token {
    /// A small integer.
    pub(crate) fn uint(value: u64) -> Self {
        let mut word = [0; 32];
        word[24..].copy_from_slice(&value.to_be_bytes());
        Self::Word(word)
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Word(word) => out.extend(word),
            Self::Bytes(bytes) => {
                out.extend(length_word(bytes.len()));
                out.extend(bytes);
                out.extend(std::iter::repeat_n(
                    0,
                    bytes.len().next_multiple_of(32) - bytes.len(),
                ));
            }
            Self::List(items) => {
                out.extend(length_word(items.len()));
                write_tuple(items, out);
            }
            Self::Tuple(items) => write_tuple(items, out),
        }
    }

    fn is_dynamic(&self) -> bool {
        match self {
            Self::Word(_) => false,
            Self::Bytes(_) | Self::List(_) => true,
            Self::Tuple(items) => items.iter().any(Self::is_dynamic),
        }
    }

    fn head_bytes(&self) -> usize {
        match self {
            Self::Tuple(items) if !self.is_dynamic() => items.iter().map(Self::head_bytes).sum(),
            _ => 32,
        }
    }
}

/// Encodes a count or an offset as a word.
pub(crate) fn length_word(length: usize) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&(length as u64).to_be_bytes());
    word
}
