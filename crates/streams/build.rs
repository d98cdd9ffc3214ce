//! Configures how types of the `types` crate appear in the OpenAPI document.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    schema_aliases::write();
}
