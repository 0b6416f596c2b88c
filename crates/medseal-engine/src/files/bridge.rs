//! A pipe between two threads whose end is a statement.
//!
//! An ordinary pipe ends when its writer goes away, for whatever reason. Here the reader sees an
//! end only if the writer called [`Entrance::finish`]; else it gets an error. So an archive that
//! could not be read to its end never becomes a stream that looks whole, and a stream that did not
//! open to its end never becomes a directory.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use zeroize::Zeroizing;

const PIECE_BYTES: usize = 1 << 18;
/// Pieces on their way.
const PIECES: usize = 4;

enum Parcel {
    Bytes(Zeroizing<Vec<u8>>),
    End,
}

/// Where bytes go in.
pub(super) struct Entrance {
    sender: SyncSender<Parcel>,
    piece: Zeroizing<Vec<u8>>,
}

/// Where they come out.
pub(super) struct Exit {
    receiver: Receiver<Parcel>,
    piece: Zeroizing<Vec<u8>>,
    read: usize,
    ended: bool,
}

pub(super) fn bridge() -> (Entrance, Exit) {
    let (sender, receiver) = sync_channel(PIECES);
    let exit = Exit { receiver, piece: Zeroizing::default(), read: 0, ended: false };
    (Entrance { sender, piece: empty() }, exit)
}

fn empty() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(PIECE_BYTES))
}

impl Entrance {
    fn send(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, empty());
        self.sender.send(Parcel::Bytes(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Everything was written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.send()?;
        self.sender.send(Parcel::End).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Entrance {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // never beyond the capacity: what growing leaves behind is not wiped
        let room = PIECE_BYTES - self.piece.len();
        let now = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.piece.extend_from_slice(now);
        if self.piece.len() == PIECE_BYTES {
            self.send()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exit {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() && !self.ended {
            match self.receiver.recv() {
                Ok(Parcel::Bytes(piece)) => (self.piece, self.read) = (piece, 0),
                Ok(Parcel::End) => self.ended = true,
                Err(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        let rest = self.piece.get(self.read..).unwrap_or_default();
        let now = rest.len().min(out.len());
        if let (Some(out), Some(rest)) = (out.get_mut(..now), rest.get(..now)) {
            out.copy_from_slice(rest);
        }
        self.read += now;
        Ok(now)
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, bridge};
    use std::io::{Read, Write};

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let (mut entrance, mut exit) = bridge();
        let sent: Vec<u8> = (0..3 * PIECE_BYTES + 7).map(|i| i as u8).collect();
        let expected = sent.clone();
        let writer = std::thread::spawn(move || {
            entrance.write_all(&sent).unwrap();
            entrance.flush().unwrap();
            entrance.finish().unwrap();
        });
        let mut read = Vec::new();
        exit.read_to_end(&mut read).unwrap();
        writer.join().unwrap();
        assert!(read == expected);
        assert_eq!(exit.read(&mut [0; 1]).unwrap(), 0);
    }

    #[test]
    fn an_end_that_nobody_declared_is_an_error() {
        let (mut entrance, mut exit) = bridge();
        entrance.write_all(b"half").unwrap();
        drop(entrance);
        assert!(exit.read_to_end(&mut Vec::new()).is_err());
        let (mut entrance, exit) = bridge();
        drop(exit);
        assert!(entrance.write_all(&vec![0; PIECE_BYTES]).is_err());
        assert!(entrance.finish().is_err());
    }
}
