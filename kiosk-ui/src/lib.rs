//! What a citizen and a receptionist see, Vietnamese first
