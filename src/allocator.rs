//! The memory of the process: activations and relevance are large tensors that come and go, and a fresh page of the
//! kernel's costs as much time as a thousand multiplications.

pub use self::platform::keep_pages;

/// glibc's allocator hands large tensors back to the kernel as soon as they are dropped, and faults their pages in
/// again: a tenth of a ResNet-50's time, a fifth of VGG-16's. Told not to, it joins what is free to what lies beside it:
/// a folder of pictures takes 0.5 to 0.8 times the memory that it takes with mimalloc, one picture of a ResNet-18 77
/// for 85 ms.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod platform {
    use std::ffi::c_int;

    use libc::{M_ARENA_MAX, M_MMAP_MAX, M_TRIM_THRESHOLD, mallopt};

    /// Keeps what is freed for the tensors to come, in a heap for each core: threads would wait for a single one, and
    /// one for each thread holds more.
    #[allow(unsafe_code)]
    pub fn keep_pages() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let heaps = c_int::try_from(cores).unwrap_or(c_int::MAX);
        for (option, value) in [(M_ARENA_MAX, heaps), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, -1)] {
            // SAFETY: sets a number of the allocator's, before there is a second thread. Where it refuses, it is slower.
            unsafe { mallopt(option, value) };
        }
    }
}

/// Built without transparent huge pages (`no_thp`): they are cleared whole, used or not, and where a virtual machine
/// hands free memory back to its host, huge ones are what it hands back. One picture of a ResNet-50 took twice as long.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod platform {
    #[global_allocator]
    static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

    /// This allocator does so by itself.
    pub fn keep_pages() {}
}
