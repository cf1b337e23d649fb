from pathlib import Path

import pytest
from pydantic import ValidationError

from api.settings import Mode, Settings


class TestSettings:
    def test_environment_wins_over_the_file_and_the_file_over_the_defaults(self, tmp_path, monkeypatch):
        (tmp_path / "settings.toml").write_text('[hospital]\nname = "来自文件"\nphone = "1"\n[http]\nport = 9001\n')
        monkeypatch.setenv("MINGYING_HTTP__PORT", "9002")
        settings = Settings.load(tmp_path)
        assert settings.http.port == 9002
        assert settings.hospital.name == "来自文件"
        assert settings.dicom.port == 11112

    def test_a_misspelt_name_in_a_section_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MINGYING_HTTP__PROT", "9002")
        with pytest.raises(ValidationError, match="prot"):
            Settings.load(tmp_path)

    def test_production_on_a_public_address_without_tls_is_refused(self, monkeypatch):
        monkeypatch.setenv("MINGYING_HTTP__HOST", "0.0.0.0")
        with pytest.raises(ValidationError, match="TLS"):
            Settings(mode=Mode.PRODUCTION)
        assert Settings(mode=Mode.DEMO).http.host == "0.0.0.0"

    def test_the_default_database_lies_in_the_data_folder(self, tmp_path):
        assert Settings(data=tmp_path).database == f"sqlite:///{tmp_path / 'index.sqlite'}"

    def test_links_have_no_double_slash(self):
        settings = Settings(http={"public_base_url": "https://example.test/"}, data=Path("x"))
        assert settings.base_url == "https://example.test"


class TestCitizenPlatforms:
    OIDC = '[citizen.platforms.wmjk]\nkind = "oidc"\ntitle = "皖美健康"\nissuer = "{url}"\nclient_id = "c"\nclient_secret = "s"\n'
    TICKET = '[citizen.platforms.wst]\nkind = "ticket"\ntitle = "皖事通"\nredeem_url = "https://wst.test/redeem"\nkey = "k"\nsecret = "{secret}"\n'

    def test_several_are_named_in_the_file(self, tmp_path):
        text = self.OIDC.format(url="https://wmjk.test") + self.TICKET.format(secret="s" * 16)
        (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
        platforms = Settings.load(tmp_path).citizen.platforms
        assert {name: platform.kind for name, platform in platforms.items()} == {"wmjk": "oidc", "wst": "ticket"}

    @pytest.mark.parametrize("url", ["http://wmjk.test", "wmjk.test", "https://", "http://[", "javascript:alert(1)"])
    def test_id_numbers_do_not_come_by_an_open_line(self, tmp_path, url):
        (tmp_path / "settings.toml").write_text(self.OIDC.format(url=url), encoding="utf-8")
        with pytest.raises(ValidationError, match="https"):
            Settings.load(tmp_path)

    def test_a_short_secret_is_refused_and_not_repeated(self, tmp_path):
        (tmp_path / "settings.toml").write_text(self.TICKET.format(secret="guessable"), encoding="utf-8")
        with pytest.raises(ValidationError, match="at least 16") as refused:
            Settings.load(tmp_path)
        assert "guessable" not in str(refused.value)

    def test_a_scope_without_an_id_token_is_refused(self, tmp_path):
        text = self.OIDC.format(url="https://wmjk.test") + 'scope = "profile"\n'
        (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
        with pytest.raises(ValidationError, match="openid"):
            Settings.load(tmp_path)


class TestDicomPeers:
    @pytest.mark.parametrize(
        ("dicom", "said"),
        [
            ({"peers": [{"ae_title": "WS", "may": ["destination"]}]}, "it needs a host"),
            ({"peers": [{"ae_title": "WS"}, {"ae_title": "WS"}]}, "stand twice"),
            ({"peers": [{"ae_title": "WS", "tls": True}]}, "needs dicom.tls.certificate"),
            ({"peers": [{"ae_title": "A" * 17}]}, "ae_title"),
            ({"peers": [{"ae_title": "A\\B"}]}, "ae_title"),
            ({"peers": [{"ae_title": "WS", "addresses": ["10.1.2.3/8"]}]}, "addresses"),
            ({"tls": {"certificate": "c.pem"}}, "belong together"),
        ],
    )
    def test_what_cannot_work_is_refused_at_the_start(self, tmp_path, dicom, said):
        with pytest.raises(ValidationError, match=said):
            Settings(data=tmp_path, dicom=dicom)
