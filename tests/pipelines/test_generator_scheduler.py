"""Our samplers inside diffusers pipelines: tiny SD3 and FLUX models with random weights."""

import math
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

from pipelines.generator_scheduler import GeneratorScheduler
from pipelines.noise import SeededNoise
from pipelines.samplers import SAMPLERS

TEXT = 32


def sd3() -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import StableDiffusion3Pipeline

    torch.manual_seed(0)
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=1,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=TEXT,
        caption_projection_dim=TEXT,
        pooled_projection_dim=64,
    )
    vae = AutoencoderKL(
        block_out_channels=(8,),
        norm_num_groups=4,
        latent_channels=4,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.06,
        scaling_factor=1.5,
    )
    # Parts made from a configuration are in training mode.
    none = dict.fromkeys(f"{kind}{n}" for kind in ("text_encoder", "tokenizer") for n in ("", "_2", "_3"))
    return StableDiffusion3Pipeline(
        transformer=transformer.eval(), vae=vae.eval(), scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), **none
    )


def flux() -> Any:
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
    from diffusers.pipelines.flux.pipeline_flux import FluxPipeline

    torch.manual_seed(0)
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT,
        pooled_projection_dim=TEXT,
        axes_dims_rope=(4, 4, 8),
    )
    vae = AutoencoderKL(
        block_out_channels=(4,),
        norm_num_groups=1,
        latent_channels=1,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.06,
        scaling_factor=1.5,
    )
    none = dict.fromkeys(f"{kind}{n}" for kind in ("text_encoder", "tokenizer") for n in ("", "_2"))
    return FluxPipeline(
        transformer=transformer.eval(),
        vae=vae.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        **none,
    )


def sd3_latent(pipe: Any, steps: int = 3) -> torch.Tensor:
    told = torch.Generator().manual_seed(2)
    words, whole = torch.randn(1, 7, TEXT, generator=told), torch.randn(1, 64, generator=told)
    made = pipe(
        prompt_embeds=words,
        pooled_prompt_embeds=whole,
        negative_prompt_embeds=-words,
        negative_pooled_prompt_embeds=-whole,
        num_inference_steps=steps,
        guidance_scale=3.0,
        height=16,
        width=16,
        generator=torch.Generator().manual_seed(1),
        output_type="latent",
    )
    return made.images


def flux_latent(pipe: Any, steps: int = 3) -> torch.Tensor:
    told = torch.Generator().manual_seed(2)
    made = pipe(
        prompt_embeds=torch.randn(1, 7, TEXT, generator=told),
        pooled_prompt_embeds=torch.randn(1, TEXT, generator=told),
        num_inference_steps=steps,
        height=8,
        width=8,
        generator=torch.Generator().manual_seed(1),
        output_type="latent",
    )
    return made.images


def quiet(pipe: Any) -> Any:
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def small_sd3() -> Any:
    return quiet(sd3())


@pytest.fixture(scope="module")
def small_flux() -> Any:
    return quiet(flux())


def test_euler_in_sd3_is_what_diffusers_makes_of_the_same_levels(small_sd3: Any) -> None:
    scheduler = GeneratorScheduler("Euler", shift=3.0)
    scheduler.set_timesteps(3)
    levels = scheduler.sigmas[:-1].tolist()
    small_sd3.scheduler = scheduler
    ours = sd3_latent(small_sd3)

    theirs = FlowMatchEulerDiscreteScheduler(shift=1.0)
    plain = theirs.set_timesteps
    theirs.set_timesteps = lambda n, device=None, **named: plain(sigmas=levels, device=device)  # type: ignore[method-assign]
    small_sd3.scheduler = theirs
    assert torch.allclose(ours, sd3_latent(small_sd3), atol=1e-4)


def test_euler_in_flux_is_what_diffusers_makes(small_flux: Any) -> None:
    """There the pipeline brings the levels and the shift."""
    small_flux.scheduler = FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    theirs = flux_latent(small_flux)
    small_flux.scheduler = GeneratorScheduler("Euler", use_dynamic_shifting=True, use_flow_sigmas=False)
    assert torch.allclose(flux_latent(small_flux), theirs, atol=1e-4)


@pytest.mark.parametrize(
    "name", [s.name for s in SAMPLERS if not s.adaptive and not s.needs_plain], ids=lambda name: name
)
def test_every_sampler_runs_in_both(small_sd3: Any, small_flux: Any, name: str) -> None:
    for pipe, latent in ((small_sd3, sd3_latent), (small_flux, flux_latent)):
        scheduler = GeneratorScheduler(name, shift=3.0, use_dynamic_shifting=pipe is small_flux)
        scheduler.noise = lambda x: SeededNoise([5], x.shape[1:])
        pipe.scheduler = scheduler
        first = latent(pipe)
        assert torch.isfinite(first).all()
        assert torch.equal(first, latent(pipe))


def flowed(name: str, steps: int, start: torch.Tensor) -> torch.Tensor:
    """Data of N(0, 1/4) under a flow whose velocity is known: start / 2 is the end."""
    scheduler = GeneratorScheduler(name)
    scheduler.noise = lambda x: SeededNoise([5], x.shape[1:])
    scheduler.set_timesteps(steps)
    x = start
    for timestep in scheduler.timesteps:
        sigma = float(timestep) / 1000
        clean = x * (1 - sigma) / 4 / ((1 - sigma) ** 2 / 4 + sigma**2)
        x = scheduler.step((x - clean) / sigma, timestep, x, return_dict=False)[0]
    return x


def test_a_flow_is_followed_and_with_second_order_better() -> None:
    start = torch.linspace(-2, 2, 16).reshape(1, 1, 4, 4)
    coarse, fine = (float((flowed(*run, start) - start / 2).norm()) for run in (("Euler", 16), ("Heun", 8)))
    assert fine < coarse < 0.3
    assert torch.allclose(flowed("DPM++ 2M", 40, start), start / 2, atol=0.03)


def test_noise_renewed_in_a_flow_leads_to_the_same_spread() -> None:
    start = torch.randn(1, 1, 150, 150, generator=torch.Generator().manual_seed(1))
    for name in ("Euler a", "DPM++ 2M SDE"):
        assert float(flowed(name, 80, start).std()) == pytest.approx(0.5, rel=0.05)


def test_an_epsilon_model_is_driven_as_by_the_sampler_alone() -> None:
    """Gaussian data, whose noise is known at every level."""
    scheduler = GeneratorScheduler("DPM++ 2M", "Karras", "epsilon")
    scheduler.set_timesteps(12)
    start = torch.linspace(-2, 2, 16).reshape(1, 1, 4, 4)
    x = start * scheduler.init_noise_sigma
    for place, timestep in enumerate(scheduler.timesteps):
        sigma = float(scheduler.sigmas[place])
        assert torch.allclose(scheduler.scale_model_input(x, timestep), x / math.hypot(1, sigma))
        x = scheduler.step(x * (sigma / (0.25 + sigma**2)), timestep, x).prev_sample
    exact = start * scheduler.sigmas[0] * 0.5 / math.hypot(0.5, float(scheduler.sigmas[0]))
    assert torch.allclose(x, exact, atol=0.05)


def test_what_cannot_work_is_refused() -> None:
    for name in ("DPM adaptive", "DDIM CFG++", "Euler b"):
        with pytest.raises(ValueError, match=r"cannot work|no sampler"):
            GeneratorScheduler(name)
    silent = GeneratorScheduler("Euler a")
    silent.set_timesteps(3)
    x = torch.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match="source of noise"):
        silent.step(x, silent.timesteps[0], x)
