//! Bytes that are wiped when dropped, all at once.
//!
//! `Zeroizing<[u8; N]>` and `Zeroizing<Vec<u8>>` write byte by byte, which costs more than the
//! cipher on a 5 KB value; wiping the slice lets `zeroize` use a fill behind a barrier.

use std::ops::{Deref, DerefMut};
use zeroize::Zeroize;

/// A buffer of fixed length that is wiped on drop. Must not be grown: what a reallocation leaves
/// behind is not wiped.
pub(crate) struct Wiped<T: AsMut<[u8]>>(T);

impl<T: AsMut<[u8]>> Wiped<T> {
    pub(crate) fn new(buffer: T) -> Self {
        Self(buffer)
    }
}

impl<T: AsMut<[u8]>> Deref for Wiped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsMut<[u8]>> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: AsMut<[u8]>> Drop for Wiped<T> {
    fn drop(&mut self) {
        self.0.as_mut().zeroize();
    }
}

/// A secret of fixed length that stays where it is: what is moved by value leaves a copy on the stack
/// that nothing wipes, and a function that returns one moves it.
pub(crate) struct Kept<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Kept<N> {
    pub(crate) fn zeroed() -> Self {
        Self(Box::new([0; N]))
    }
}

impl<const N: usize> Deref for Kept<N> {
    type Target = [u8; N];

    fn deref(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> DerefMut for Kept<N> {
    fn deref_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> Drop for Kept<N> {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}
