#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::targets::run("log_receipt", data));
