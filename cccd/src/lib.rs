//! The Vietnamese identity card on top of emrtd: number, QR, DG13, access keys, cross-checks
