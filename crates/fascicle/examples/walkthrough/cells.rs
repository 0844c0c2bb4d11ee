//! The measured cells of the walk-through: a config, and how its directory is built.

use crate::numpy_random::NumpyRandom;
use fascicle::ndarray::Array2;
use fascicle::{Build, BuildResult, Config, Directory, IdentityRules};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(crate) struct CellMeasurements {
    pub(crate) n_cells: usize,
    pub(crate) seed: u32,
}

impl Default for CellMeasurements {
    fn default() -> Self {
        CellMeasurements { n_cells: 100, seed: 0 }
    }
}

impl Build for CellMeasurements {
    async fn build(&self, dir: &Directory) -> BuildResult {
        println!("Loading connectome ...");
        let mut random = NumpyRandom::new(self.seed);
        let n = self.n_cells;
        dir.put("cell_id", (0..n as i64).collect::<Vec<_>>()).await?;
        dir.put("x", (0..n).map(|_| random.normal()).collect::<Vec<_>>()).await?;
        dir.put("y", (0..n).map(|_| random.normal()).collect::<Vec<_>>()).await?;
        dir.put("colors", Array2::from_shape_simple_fn((n, 3), || random.uniform())).await?;
        let matrix = Array2::from_shape_simple_fn((n, n), || random.normal());
        let edges = matrix.indexed_iter().filter(|(_, strength)| **strength > 2.0);
        let (pre, post): (Vec<i64>, Vec<i64>) =
            edges.map(|((pre, post), _)| (pre as i64, post as i64)).unzip();
        let connections = dir.dir("connections")?;
        connections.put("pre_cell_id", pre).await?;
        connections.put("post_cell_id", post).await?;
        println!("Stored connectome!");
        Ok(())
    }
}

/// A training run, whose loss grows row by row while others read it.
#[derive(Serialize, Deserialize)]
pub(crate) struct NetworkDir {
    pub(crate) tau: f64,
    pub(crate) sigma: f64,
    pub(crate) num_iters: u32,
}

impl Default for NetworkDir {
    fn default() -> Self {
        NetworkDir { tau: 200.0, sigma: 0.1, num_iters: 100 }
    }
}

impl Build for NetworkDir {
    /// The values that were in force before the fields existed: results from before keep matching.
    fn identity_rules() -> IdentityRules {
        IdentityRules::default().with_default("tau", 200.0).with_default("sigma", 0.1)
    }

    async fn build(&self, dir: &Directory) -> BuildResult {
        let mut random = NumpyRandom::new(0);
        for iteration in 0..self.num_iters {
            let loss = (-f64::from(iteration) / self.tau).exp() + random.uniform() * self.sigma;
            dir.append("loss", [loss]).await?;
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

/// The config of the walk-through's network, to look for the directory that is being built.
pub(crate) fn network_config() -> fascicle::Result<Config> {
    NetworkDir::default().config()
}
