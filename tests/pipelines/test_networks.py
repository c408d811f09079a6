"""LoRA and its relatives: what each kind adds, what files call things, on and off without a trace."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pipelines import header
from pipelines.device import pick
from pipelines.events import ImageMade, Note
from pipelines.families import sd15
from pipelines.latent_model import LatentModel
from pipelines.networks import blocks, formulas
from pipelines.networks.file import sorted_out
from pipelines.networks.names import ModuleNames
from pipelines.networks.patches import Patches, Worn
from pipelines.picture import Picture
from pipelines.recipe import Recipe
from pipelines.runner import Runner

UNET = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.1.resnets.0.conv1"
TEXT = "text_model.encoder.layers.0.self_attn.q_proj"


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed + sum(shape)))


@pytest.fixture(scope="module")
def model(models: Path) -> LatentModel:
    file = models / "checkpoints" / "tiny.safetensors"
    made = sd15.FAMILY.load(file, header.read(file), pick("cpu", "float32"))
    assert isinstance(made, LatentModel)
    return made


def lora(down: tuple[int, ...], up: tuple[int, ...]) -> dict[str, Tensor]:
    return {"lora_down.weight": noise(*down), "lora_up.weight": noise(*up, seed=1), "alpha": torch.tensor(2.0)}


class TestFormulas:
    """One module of 6 inputs and 8 outputs, against the formula written out."""

    weight = noise(8, 6, seed=9)

    def change(self, **parts: Tensor) -> Tensor:
        result = formulas.change(parts, self.weight).weight
        assert result is not None and result.shape == self.weight.shape
        return result

    def test_lora(self) -> None:
        down, up = noise(4, 6), noise(8, 4)
        added = self.change(down=down, up=up, alpha=torch.tensor(2.0))
        assert torch.allclose(added, 2 / 4 * (up @ down), atol=1e-6)

    def test_without_alpha_it_counts_whole(self) -> None:
        down, up = noise(4, 6), noise(8, 4)
        assert torch.allclose(self.change(down=down, up=up), up @ down, atol=1e-6)

    def test_a_rank_takes_the_first_part(self) -> None:
        down, up = noise(4, 6), noise(8, 4)
        added = formulas.change({"down": down, "up": up}, self.weight, rank=1).weight
        assert added is not None and torch.allclose(added, up[:, :1] @ down[:1], atol=1e-6)

    def test_locon_with_a_core(self) -> None:
        mid, up, down = noise(2, 3, 3, 3), noise(5, 2, 1, 1), noise(3, 4, 1, 1)
        added = formulas.change({"mid": mid, "up": up, "down": down}, noise(5, 4, 3, 3)).weight
        expected = torch.zeros(5, 4, 3, 3)
        for n in range(2):
            for m in range(3):
                expected += up[:, n, None] * down[m, None] * mid[n, m]
        assert added is not None and torch.allclose(added, expected, atol=1e-5)

    def test_loha(self) -> None:
        a, b, c, d = noise(8, 2), noise(2, 6), noise(8, 2, seed=3), noise(2, 6, seed=4)
        added = self.change(hada_w1_a=a, hada_w1_b=b, hada_w2_a=c, hada_w2_b=d, alpha=torch.tensor(1.0))
        assert torch.allclose(added, 0.5 * (a @ b) * (c @ d), atol=1e-6)

    def test_lokr(self) -> None:
        first, a, b = noise(2, 3), noise(4, 1), noise(1, 2)
        added = self.change(lokr_w1=first, lokr_w2_a=a, lokr_w2_b=b, alpha=torch.tensor(1.0))
        assert torch.allclose(added, torch.kron(first, a @ b), atol=1e-6)

    def test_lokr_of_two_whole_matrices_has_no_rank(self) -> None:
        first, second = noise(2, 3), noise(4, 2)
        added = self.change(lokr_w1=first, lokr_w2=second, alpha=torch.tensor(7.0))
        assert torch.allclose(added, torch.kron(first, second), atol=1e-6)

    def test_ia3_of_outputs_and_of_inputs(self) -> None:
        rows, columns = noise(8, 1), noise(1, 6)
        assert torch.allclose(self.change(weight=rows, on_input=torch.tensor(False)), self.weight * rows)
        assert torch.allclose(self.change(weight=columns, on_input=torch.tensor(True)), self.weight * columns)

    def test_full_difference_with_bias(self) -> None:
        change = formulas.change({"diff": noise(8, 6), "diff_b": noise(8)}, self.weight)
        assert change.weight is not None and torch.equal(change.weight, noise(8, 6))
        assert change.bias is not None and torch.equal(change.bias, noise(8))

    @pytest.mark.parametrize(("shape", "over"), [((1, 6), 0), ((8, 1), 1), ((8,), 1)])
    def test_dora_has_the_lengths_of_the_file(self, shape: tuple[int, ...], over: int) -> None:
        magnitude = noise(*shape).abs() + 0.5
        added = self.change(down=noise(4, 6), up=noise(8, 4), magnitude=magnitude)
        merged = self.weight + added
        assert torch.allclose(merged.norm(dim=over), magnitude.flatten(), atol=1e-5)
        plain = self.weight + noise(8, 4) @ noise(4, 6)
        cosine = nn.functional.cosine_similarity(merged, plain, dim=over)
        assert torch.allclose(cosine, torch.ones_like(cosine), atol=1e-5)

    @pytest.mark.parametrize("shape", [(2, 4, 4), (3, 4, 2, 2)])
    def test_oft_and_boft_turn_and_do_not_stretch(self, shape: tuple[int, ...]) -> None:
        added = self.change(oft_blocks=noise(*shape))
        assert added.abs().max() > 0.1
        assert torch.allclose((self.weight + added).norm(dim=0), self.weight.norm(dim=0), atol=1e-5)

    def test_boft_mixes_outputs_of_different_blocks(self) -> None:
        weight = torch.eye(8)
        added = formulas.change({"oft_blocks": noise(3, 4, 2, 2)}, weight).weight
        assert added is not None
        # Three levels of pairs reach every output from every other, as in a fast Fourier transform.
        assert bool(((weight + added).abs() > 1e-6).all())

    def test_glora(self) -> None:
        a1, a2, b1, b2 = noise(3, 6), noise(6, 3), noise(3, 6, seed=5), noise(8, 3)
        added = self.change(glora_a1=a1, glora_a2=a2, glora_b1=b1, glora_b2=b2)
        assert torch.allclose(added, b2 @ b1 + self.weight @ a2 @ a1, atol=1e-5)

    @pytest.mark.parametrize(
        "parts",
        [
            {"down": noise(4, 7), "up": noise(8, 4)},
            {"down": noise(4, 6), "up": noise(8, 5)},
            {"hada_w1_a": noise(8, 2)},
            {"lokr_w1": noise(999, 999), "lokr_w2": noise(999, 999)},
            {"diff": noise(5)},
            {"diff_b": noise(7)},
            {"oft_blocks": noise(3, 5, 5)},
            {"down": noise(4, 6), "up": noise(8, 4), "magnitude": noise(5)},
            {"alpha": torch.tensor(1.0)},
        ],
    )
    def test_what_does_not_fit_is_refused(self, parts: Mapping[str, Tensor]) -> None:
        with pytest.raises((formulas.Misfit, KeyError)):
            formulas.change(parts, self.weight)

    def test_one_made_for_four_channels_fits_an_inpainting_model(self) -> None:
        added = formulas.change({"diff": noise(8, 4, 3, 3)}, noise(8, 9, 3, 3)).weight
        assert added is not None and torch.equal(added[:, :4], noise(8, 4, 3, 3)) and not added[:, 4:].any()


class TestNames:
    @pytest.mark.parametrize(
        "module",
        [
            f"lora_unet_{UNET.replace('.', '_')}",
            "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q",
            f"unet.{UNET}",
            f"diffusion_model.{'input_blocks.1.1' + UNET.removeprefix('down_blocks.0.attentions.0')}",
            f"base_model.model.{UNET}",
            UNET,
        ],
    )
    def test_every_trainer_means_the_same_module(self, model: LatentModel, module: str) -> None:
        found = self.only(model, f"{module}.lora_down.weight")
        assert found is model.parts.unet.get_submodule(UNET)

    @pytest.mark.parametrize(
        ("module", "name"),
        [
            ("lora_unet_input_blocks_3_0_op", "down_blocks.0.downsamplers.0.conv"),
            ("lora_unet_down_blocks_0_downsamplers_0_conv", "down_blocks.0.downsamplers.0.conv"),
            ("lora_unet_output_blocks_2_1_conv", "up_blocks.0.upsamplers.0.conv"),
            ("lora_unet_output_blocks_2_2_conv", "up_blocks.0.upsamplers.0.conv"),
            ("lora_unet_input_blocks_4_0_skip_connection", "down_blocks.1.resnets.0.conv_shortcut"),
            ("lora_unet_middle_block_2_out_layers_3", "mid_block.resnets.1.conv2"),
            ("lora_unet_time_embed_2", "time_embedding.linear_2"),
            ("lora_unet_out_2", "conv_out"),
            ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.up.weight", ""),
        ],
    )
    def test_original_and_new_names(self, module: str, name: str) -> None:
        unet = four_blocks()
        found = ModuleNames({"unet": unet}).find(next(iter(sorted_out({_key(module): noise(1)}).modules)))
        assert [place.name for place in found] == [name or UNET.replace("to_q", "to_out.0")]

    @pytest.mark.parametrize(
        "module",
        [
            f"lora_te_{TEXT.replace('.', '_')}",
            f"lora_te1_{TEXT.replace('.', '_')}",
            f"text_encoder.{TEXT}",
            f"text_encoders.clip_l.transformer.{TEXT}",
        ],
    )
    def test_text_encoders(self, model: LatentModel, module: str) -> None:
        found = self.only(model, f"{module}.lora_A.weight")
        inner = model.parts.text.parts[0].model
        inner = getattr(inner, "text_model", inner)
        assert found is inner.get_submodule(TEXT.removeprefix("text_model."))

    def only(self, model: LatentModel, key: str) -> Any:
        found = ModuleNames(model.components()).find(next(iter(sorted_out({key: noise(1)}).modules)))
        (place,) = found
        return place.module


def _key(module: str) -> str:
    return module if module.endswith(".weight") else f"{module}.lora_down.weight"


def four_blocks() -> Any:
    """A U-Net with two residual blocks on each level, as most checkpoints have."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    return UNet2DConditionModel(
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=4,
        layers_per_block=2,
    )


class TestPatches:
    def network(self) -> dict[str, Tensor]:
        return {
            **{f"lora_unet_{UNET.replace('.', '_')}.{part}": value for part, value in lora((4, 32), (32, 4)).items()},
            **{
                f"lora_unet_{CONV.replace('.', '_')}.{part}": value
                for part, value in lora((4, 32, 3, 3), (64, 4, 1, 1)).items()
            },
            **{f"lora_te_{TEXT.replace('.', '_')}.{part}": value for part, value in lora((4, 64), (64, 4)).items()},
            "lora_unet_conv_norm_out.w_norm": noise(32),
            "lora_unet_conv_norm_out.b_norm": noise(32),
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k.diff": noise(32, 32),
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k.diff_b": noise(32),
        }

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
    def test_off_again_every_bit_is_as_before(self, model: LatentModel, dtype: torch.dtype) -> None:
        components = {name: copy.deepcopy(part).to(dtype) for name, part in model.components().items()}
        before = state(components)
        patches = Patches(components)
        (fit,) = patches.put_on([Worn(sorted_out(self.network()))])
        assert (fit.fitting, fit.missing, fit.misfits) == (5, 0, 0)
        changed = {key for key, value in state(components).items() if not same(value, before.get(key))}
        assert len(changed) == 7
        patches.put_on([Worn(sorted_out(self.network()), 0.3, -2.0), Worn(sorted_out(self.network()))])
        patches.take_off()
        after = state(components)
        assert after.keys() == before.keys()
        assert all(same(after[key], value) for key, value in before.items())

    def test_strengths_of_text_and_picture_are_separate(self, model: LatentModel) -> None:
        components = {name: copy.deepcopy(part) for name, part in model.components().items()}
        before = state(components)
        patches = Patches(components)
        patches.put_on([Worn(sorted_out(self.network()), text=0.0, unet=-0.5)])
        after = state(components)
        added = after[f"unet.{UNET}.weight"] - before[f"unet.{UNET}.weight"]
        assert torch.allclose(added, -0.5 * 0.5 * noise(32, 4, seed=1) @ noise(4, 32), atol=1e-5)
        assert all(same(value, before[key]) for key, value in after.items() if key.startswith("te."))

    def test_blocks_have_strengths_of_their_own(self, model: LatentModel) -> None:
        components = {name: copy.deepcopy(part) for name, part in model.components().items()}
        before = state(components)
        Patches(components).put_on([Worn(sorted_out(self.network()), blocks=blocks.strengths("OUTALL"))])
        changed = {key for key, value in state(components).items() if not same(value, before.get(key))}
        assert {key.partition(".")[0] for key in changed} == {"te", "unet"}
        assert all(key.startswith(("te.", "unet.conv_norm_out")) for key in changed)

    def test_a_sum_of_two_is_the_sum(self, model: LatentModel) -> None:
        components = {name: copy.deepcopy(part) for name, part in model.components().items()}
        before = state(components)[f"unet.{CONV}.weight"]
        patches = Patches(components)
        patches.put_on([Worn(sorted_out(self.network()), unet=0.25), Worn(sorted_out(self.network()), unet=0.5)])
        two = state(components)[f"unet.{CONV}.weight"]
        patches.put_on([Worn(sorted_out(self.network()), unet=0.75)])
        one = state(components)[f"unet.{CONV}.weight"]
        assert torch.allclose(one, two, atol=1e-5) and not torch.allclose(one, before, atol=1e-3)

    @pytest.mark.parametrize("kind", ["lora", "full"])
    def test_weights_stored_in_eight_bits_stay_and_the_network_runs_beside(self, kind: str) -> None:
        linear, conv = nn.Linear(6, 8), nn.Conv2d(4, 8, 3, stride=2, padding=1)
        root = nn.ModuleDict({"linear": linear, "conv": conv})
        if kind == "lora":
            tensors = {f"linear.{k}": v for k, v in lora((2, 6), (8, 2)).items()}
            tensors |= {f"conv.{k}": v for k, v in lora((2, 4, 3, 3), (8, 2, 1, 1)).items()}
        else:
            tensors = {"linear.diff": noise(8, 6), "conv.diff": noise(8, 4, 3, 3), "linear.diff_b": noise(8)}
        patches = Patches({"unet": root})
        x, picture = noise(3, 6), noise(1, 4, 8, 8)
        plain = linear(x), conv(picture)
        patches.put_on([Worn(sorted_out(tensors), unet=0.5)])
        merged = linear(x), conv(picture)
        patches.take_off()
        for module in (linear, conv):
            module.__dict__["_diffusers_hook"] = "set"  # as in a model whose weights are kept in fp8
        beside = Patches({"unet": root})
        weights = [module.weight.clone() for module in (linear, conv)]
        beside.put_on([Worn(sorted_out(tensors), unet=0.5)])
        assert all(torch.equal(old, module.weight) for old, module in zip(weights, (linear, conv), strict=True))
        for got, expected, without in zip((linear(x), conv(picture)), merged, plain, strict=True):
            assert torch.allclose(got, expected, atol=1e-5) and not torch.allclose(got, without, atol=1e-2)
        beside.take_off()
        assert torch.equal(linear(x), plain[0])

    def test_modules_of_other_sizes_are_counted_and_left(self, model: LatentModel) -> None:
        components = {name: copy.deepcopy(part) for name, part in model.components().items()}
        wrong = {f"unet.{UNET}.{part}": value for part, value in lora((4, 99), (32, 4)).items()}
        before = state(components)
        (fit,) = Patches(components).put_on([Worn(sorted_out(wrong | {"unet.nowhere.diff": noise(1)}))])
        assert (fit.fitting, fit.missing, fit.misfits) == (0, 1, 1)
        assert all(same(value, before[key]) for key, value in state(components).items())


class TestFused:
    """FLUX.1 and its kin: what trainers call one layer is several in the model."""

    @pytest.fixture
    def flux(self) -> Any:
        from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel

        torch.manual_seed(0)
        return FluxTransformer2DModel(
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=8,
            pooled_projection_dim=8,
            axes_dims_rope=(2, 2, 4),
        )

    def added(self, flux: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        before = state({"unet": flux})
        patches = Patches({"unet": flux})
        (fit,) = patches.put_on([Worn(sorted_out(tensors))])
        assert not fit.missing and not fit.misfits
        after = state({"unet": flux})
        patches.take_off()
        assert all(same(value, before[key]) for key, value in state({"unet": flux}).items())
        return {
            key.removeprefix("unet."): after[key] - before[key] for key in after if not same(after[key], before[key])
        }

    @pytest.mark.parametrize("kind", ["lora", "loha", "lokr", "diff"])
    def test_the_rows_of_one_are_those_of_its_parts_in_turn(self, flux: Any, kind: str) -> None:
        name = "lora_unet_single_blocks_0_linear1"
        parts = {
            "lora": {"lora_down.weight": noise(2, 16), "lora_up.weight": noise(112, 2), "alpha": torch.tensor(1.0)},
            "loha": {
                **{"hada_w1_a": noise(112, 2), "hada_w1_b": noise(2, 16), "alpha": torch.tensor(1.0)},
                **{"hada_w2_a": noise(112, 2, seed=5), "hada_w2_b": noise(2, 16, seed=5)},
            },
            "lokr": {"lokr_w1": noise(4, 4), "lokr_w2_a": noise(28, 2), "lokr_w2_b": noise(2, 4)},
            "diff": {"diff": noise(112, 16)},
        }[kind]
        whole = formulas.change(
            next(iter(sorted_out({f"x.{key}": value for key, value in parts.items()}).modules.values())),
            torch.zeros(112, 16),
        ).weight
        added = self.added(flux, {f"{name}.{key}": value for key, value in parts.items()})
        block = "single_transformer_blocks.0."
        names = [f"{block}{part}.weight" for part in ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")]
        assert sorted(added) == sorted(names) and whole is not None
        assert torch.allclose(torch.cat([added[name] for name in names]), whole, atol=1e-5)

    @pytest.mark.parametrize(
        ("original", "parts"),
        [
            ("double_blocks.0.img_attn.qkv", ("to_q", "to_k", "to_v")),
            ("double_blocks.0.txt_attn.qkv", ("add_q_proj", "add_k_proj", "add_v_proj")),
        ],
    )
    def test_attention(self, flux: Any, original: str, parts: tuple[str, ...]) -> None:
        added = self.added(flux, {f"diffusion_model.{original}.diff": noise(48, 16)})
        names = [f"transformer_blocks.0.attn.{part}.weight" for part in parts]
        assert torch.allclose(torch.cat([added[name] for name in names]), noise(48, 16), atol=1e-5)

    def test_diffusers_own_names_work_beside_them(self, flux: Any) -> None:
        added = self.added(
            flux,
            {
                "transformer.transformer_blocks.0.attn.to_q.diff": noise(16, 16),
                "lora_unet_double_blocks_0_img_mlp_0.diff": noise(64, 16),
            },
        )
        assert sorted(added) == ["transformer_blocks.0.attn.to_q.weight", "transformer_blocks.0.ff.net.0.proj.weight"]


def state(components: Mapping[str, Any]) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": value.clone() for name, part in components.items() for key, value in part.state_dict().items()
    }


def same(one: Tensor, other: Tensor | None) -> bool:
    """Bit by bit."""
    if other is None or one.dtype != other.dtype:
        return False
    bits = torch.int32 if one.dtype == torch.float32 else torch.int16
    return torch.equal(one.view(bits), other.view(bits))


@pytest.fixture(scope="module")
def runner(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("with-loras")
    (root / "checkpoints").symlink_to(models / "checkpoints")
    folder = root / "LORA" / "sub"
    folder.mkdir(parents=True)
    save_file(TestPatches().network(), folder / "Ink.safetensors", {"ss_output_name": "alias"})
    save_file({"lora_unet_nothing.diff": noise(2)}, root / "LORA" / "other.safetensors")
    (root / "LORA" / "broken.safetensors").write_bytes(b"\x10")
    made = Runner(root, root / "cache", device="cpu", dtype="float32")
    yield made
    made.close()


class TestTags:
    """In a job."""

    def run(self, runner: Runner, prompt: str, negative: str = "") -> tuple[Picture, list[str]]:
        recipe = Recipe(prompt=prompt, negative=negative, checkpoint="tiny", width=64, height=64, steps=2, seed=1)
        events = list(runner.run("job", recipe, {}, lambda: False))
        (picture,) = [event.picture for event in events if isinstance(event, ImageMade)]
        return picture, [event.message for event in events if isinstance(event, Note)]

    def test_a_tag_changes_the_picture_and_leaves_nothing_behind(self, runner: Runner) -> None:
        plain, _ = self.run(runner, "a cat")
        with_network, notes = self.run(runner, "a cat<lora:Ink:0.7>")
        again, _ = self.run(runner, "a cat")
        assert with_network != plain and again == plain and notes == []

    @pytest.mark.parametrize("tag", ["<lora:alias:0.7>", "<lyco:ink:te=0.7>", "<lora:Ink:0.7:0.7>"])
    def test_other_ways_to_write_it(self, runner: Runner, tag: str) -> None:
        assert self.run(runner, f"a cat{tag}")[0] == self.run(runner, "a cat<lora:Ink:0.7>")[0]

    def test_a_new_strength_is_a_new_picture(self, runner: Runner) -> None:
        assert self.run(runner, "a cat<lora:Ink:-1>")[0] != self.run(runner, "a cat<lora:Ink:0.7>")[0]

    def test_only_the_prompt_has_tags(self, runner: Runner) -> None:
        tagged, _ = self.run(runner, "a cat", "dog<lora:Ink:1>")
        words, _ = self.run(runner, "a cat", "dog<lora:ink:1>")
        assert tagged == words

    @pytest.mark.parametrize(
        ("tag", "said"),
        [
            ("<lora:unknown:1>", "There is no LoRA 'unknown'"),
            ("<lora:other:1>", "'other' was made for another kind of model"),
            ("<lora:broken:1>", "'broken' is left out: The file"),
        ],
    )
    def test_what_cannot_be_used_is_said_and_left_out(self, runner: Runner, tag: str, said: str) -> None:
        picture, notes = self.run(runner, f"a cat{tag}")
        assert picture == self.run(runner, "a cat")[0]
        assert len(notes) == 1 and said in notes[0]

    def test_block_weights(self, runner: Runner) -> None:
        plain, _ = self.run(runner, "a cat")
        none, notes = self.run(runner, "a cat<lora:Ink:1:lbw=NONE>")
        assert none == plain and notes == []
        _, notes = self.run(runner, "a cat<lora:Ink:1:lbw=1,2,3>")
        assert "block weights" in notes[0]


@pytest.mark.parametrize(
    ("count", "first", "last"), [(17, "IN01", "OUT11"), (26, "IN00", "OUT11"), (12, "IN04", "OUT05")]
)
def test_block_weights_by_their_number(count: int, first: str, last: str) -> None:
    found = blocks.strengths(",".join(map(str, range(count))))
    assert found is not None
    names: Sequence[str] = list(found)
    assert (names[0], names[1], names[-1], found[last]) == ("BASE", first, last, count - 1)
