//! Prints the address of the service, and serves. The first argument is the port;
//! without one, any that is free.

use std::{env, error::Error};

use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(sse_wire_contract::serve(listener).await?)
}
