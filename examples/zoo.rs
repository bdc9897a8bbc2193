//! x
use onnxplain::*;
use std::time::Instant;
fn main() {
    for path in std::env::args().skip(2) {
        let preset = std::env::args().nth(1).unwrap();
        let t0 = Instant::now();
        let m = model::Model::load(path.as_ref(), &model::LoadOptions::default()).unwrap();
        let t1 = Instant::now();
        let c = composite::Composite::find(&preset).unwrap();
        let mut net = m.network.clone();
        let r = canonize::canonize(&mut net, &canonize::PassSelection::all()).unwrap();
        for r in &r {
            println!("  {} {}", r.pass, r.nodes.len());
        }
        println!(
            "  left {:?}",
            net.layers
                .iter()
                .filter(|l| l.kind() == network::Kind::Normalization)
                .map(|l| &l.name)
                .collect::<Vec<_>>()
        );
        let t2 = Instant::now();
        let ch = if m.input.picture.unwrap().layout == model::Layout::Nhwc { 3 } else { 1 };
        let e = explain::Explainer::new(
            net,
            &c,
            Some(&explain::InputRange { low: vec![-1.], high: vec![1.], channel_axis: ch }),
            parallel::Threads::new(std::env::var("T").map_or(1, |t| t.parse().unwrap())).unwrap(),
        )
        .unwrap();
        let t3 = Instant::now();
        let n: usize = m.input.shape.iter().product();
        let mut state = 12345u64;
        let data: Vec<f32> = (0..n)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((state >> 33) as f32 / (1u64 << 31) as f32) * 2.0 - 1.0
            })
            .collect();
        let x = tensor::Tensor::new(&m.input.shape, &data).unwrap();
        for _ in 0..2 {
            let t = Instant::now();
            let m2 = m.run_reference(&x).unwrap();
            println!("  reference incl. optimize {:?} {}", t.elapsed(), m2.len());
        }
        for _ in 0..3 {
            let ta = Instant::now();
            let act = e.forward(&x).unwrap();
            let tb = Instant::now();
            let lg = act.logits().unwrap();
            let cl = explain::Target::Top.classes(lg).unwrap()[0];
            let init = explain::initial_relevance(lg, cl, None, explain::Initial::Logit).unwrap();
            let a = e.propagate(&act, init).unwrap();
            let tc = Instant::now();
            println!(
                "  forward {:?} propagate {:?} sum {} of {} bias {} stab {} worst {:e}",
                tb - ta,
                tc - tb,
                a.books.input_sum,
                a.books.initial,
                a.books.absorbed_by_bias(),
                a.books.absorbed_by_stabilizer(),
                a.books.worst_imbalance()
            );
        }
        println!("{path}: load {:?} canon {:?} compile {:?}", t1 - t0, t2 - t1, t3 - t2);
    }
}
