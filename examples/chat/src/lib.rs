//! Every way in which people use Server-Sent Events with AI, in one small server: see
//! its README for what it does, and for its interface.

pub mod store;
pub mod upstream;
